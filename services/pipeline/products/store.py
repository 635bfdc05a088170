"""Products in the database."""

from typing import Final, LiteralString

from services.pipeline.products.model import Product
from shared.db import Connection, Row
from shared.events import outbox
from shared.money import Money

_LOCK: Final[LiteralString] = """
    SELECT id, version, code, name, line, list_price, currency
      FROM product
     WHERE code = $1
       FOR UPDATE
"""
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO product (id, version, code, name, line, list_price, currency)
    VALUES ($2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name, line = excluded.line,
           list_price = excluded.list_price, currency = excluded.currency
"""
)


async def lock(conn: Connection, code: str) -> Product | None:
    """Return the product of a code, locked, None when there is none."""
    row = await conn.fetchrow(_LOCK, code)
    return None if row is None else to_product(row)


async def save(conn: Connection, product: Product, events: str) -> None:
    """Write a product and the events that tell of it in one statement."""
    price = product.list_price
    await conn.execute(
        _SAVE,
        events,
        product.id,
        product.version,
        product.code,
        product.name,
        product.line,
        None if price is None else price.amount,
        None if price is None else price.currency,
    )


def to_product(row: Row) -> Product:
    """Return a row as a product."""
    price = None
    if row["list_price"] is not None:
        price = Money(row["list_price"], row["currency"])
    return Product(row["id"], row["version"], row["code"], row["name"], row["line"], price)
