"""Products in the database."""

from collections.abc import Sequence
from typing import Final, LiteralString

from services.pipeline.products.model import Product
from shared.db import Connection, Row, columns
from shared.events import outbox
from shared.money import Money

_LOCK: Final[LiteralString] = """
    SELECT id, version, code, name, line, list_price, currency
      FROM product
     WHERE code = ANY($1::text[])
     ORDER BY id
       FOR UPDATE
"""
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO product (id, version, code, name, line, list_price, currency)
    SELECT p.id, p.version, p.code, p.name, p.line, p.list_price, p.currency
      FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::numeric[],
                  $8::text[])
           AS p (id, version, code, name, line, list_price, currency)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name, line = excluded.line,
           list_price = excluded.list_price, currency = excluded.currency
"""
)


async def lock_many(conn: Connection, codes: Sequence[str]) -> dict[str, Product]:
    """Return the products of these codes, locked in the order of their ids."""
    products = [to_product(row) for row in await conn.fetch(_LOCK, codes)]
    return {product.code: product for product in products}


async def save_many(conn: Connection, products: Sequence[Product], events: str) -> None:
    """Write products and the events that tell of them in one statement."""
    rows = [
        (
            product.id,
            product.version,
            product.code,
            product.name,
            product.line,
            None if product.list_price is None else product.list_price.amount,
            None if product.list_price is None else product.list_price.currency,
        )
        for product in products
    ]
    await conn.execute(_SAVE, events, *columns(rows, 7))


def to_product(row: Row) -> Product:
    """Return a row as a product."""
    price = None
    if row["list_price"] is not None:
        price = Money(row["list_price"], row["currency"])
    return Product(row["id"], row["version"], row["code"], row["name"], row["line"], price)
