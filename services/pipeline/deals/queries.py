"""Reading deals."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.pipeline.deals.model import Deal
from services.pipeline.deals.store import WHOLE, to_deal
from shared.db import Connection
from shared.errors import NotFound

_ONE: Final[LiteralString] = WHOLE + "     WHERE d.id = $1"
_LIST: Final[LiteralString] = (
    WHOLE
    + """
     WHERE d.id > $1
       AND ($2::uuid IS NULL OR d.owner_id = $2)
       AND ($3::text IS NULL OR d.stage = $3)
     ORDER BY d.id
     LIMIT $4
"""
)


class DealNotFound(NotFound):
    """There is no such deal, or it is not the caller's to see."""

    en = "There is no deal {deal_id}."
    zh = "不存在商机 {deal_id}。"


async def one(conn: Connection, deal_id: UUID) -> Deal:
    """Return a deal; raises DealNotFound."""
    row = await conn.fetchrow(_ONE, deal_id)
    if row is None:
        raise DealNotFound(deal_id=deal_id)
    return to_deal(row)


async def listed(
    conn: Connection, after: UUID, owner_id: UUID | None, stage: str | None, limit: int
) -> Sequence[Deal]:
    """Return deals by id, those of an owner or stage where one is given."""
    return [to_deal(row) for row in await conn.fetch(_LIST, after, owner_id, stage, limit)]
