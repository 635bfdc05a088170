"""Reading products."""

from collections.abc import Collection, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.pipeline.products.model import Product
from services.pipeline.products.store import to_product
from shared.db import Connection

_LIST: Final[LiteralString] = """
    SELECT id, version, code, name, line, list_price, currency
      FROM product
     WHERE id > $1
     ORDER BY id
     LIMIT $2
"""
_KNOWN: Final[LiteralString] = """
    SELECT id FROM product WHERE id = ANY($1::uuid[])
"""


async def listed(conn: Connection, after: UUID, limit: int) -> Sequence[Product]:
    """Return products by id."""
    return [to_product(row) for row in await conn.fetch(_LIST, after, limit)]


async def known(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are products."""
    return {row["id"] for row in await conn.fetch(_KNOWN, list(ids))}
