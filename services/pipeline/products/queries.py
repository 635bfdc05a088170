"""Reading products."""

from collections.abc import Collection
from typing import Final, LiteralString
from uuid import UUID

from services.pipeline.products.model import Product
from services.pipeline.products.store import to_product
from shared.db import Connection
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.listing import Listing
from shared.sql import anything

_SELECT: Final[LiteralString] = """
    SELECT p.id, p.version, p.code, p.name, p.line, p.list_price, p.currency
      FROM product AS p
"""
_KNOWN: Final[LiteralString] = """
    SELECT id FROM product WHERE id = ANY($1::uuid[])
"""

PRODUCTS: Final = Listing(
    select=_SELECT,
    of=to_product,
    fields={
        "id": Field(Kind.ID, "p.id", sorts=True),
        "code": Field(Kind.TEXT, "p.code", sorts=True),
        "name": Field(Kind.TEXT, "p.name", sorts=True),
        "line": Field(Kind.TEXT, "p.line", nullable=True),
        "list_price": Field(Kind.DECIMAL, "p.list_price", nullable=True),
        "currency": Field(Kind.CHOICE, "p.currency", nullable=True),
    },
)


class ProductNotFound(NotFound):
    """There is no such product."""

    en = "There is no product {code}."
    zh = "不存在产品 {code}。"


async def one(conn: Connection, code: str) -> Product:
    """Return the product of a code; raises ProductNotFound."""
    product = await PRODUCTS.only(conn, anything, code=code)
    if product is None:
        raise ProductNotFound(code=code)
    return product


async def by_id(conn: Connection, product_id: UUID) -> Product:
    """Return the product of an id; raises ProductNotFound."""
    product = await PRODUCTS.only(conn, anything, id=product_id)
    if product is None:
        raise ProductNotFound(code=product_id)
    return product


async def known(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are products."""
    return {row["id"] for row in await conn.fetch(_KNOWN, list(ids))}
