"""Reading deals."""

from typing import Final, LiteralString
from uuid import UUID

from services.pipeline.deals.model import Deal
from services.pipeline.deals.store import WHOLE, to_deal
from shared.contracts.pipeline import DealStage
from shared.db import Connection
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.listing import Listing

_ONE: Final[LiteralString] = WHOLE + "     WHERE d.id = $1"
DEALS: Final = Listing(
    select=WHOLE,
    of=to_deal,
    fields={
        "id": Field(Kind.ID, "d.id", sorts=True),
        "name": Field(Kind.TEXT, "d.name"),
        "stage": Field(Kind.CHOICE, "d.stage", choices=tuple(DealStage)),
        "owner_id": Field(Kind.ID, "d.owner_id"),
        "account_id": Field(Kind.ID, "d.account_id", nullable=True),
        "amount": Field(Kind.DECIMAL, "d.amount", sorts=True),
        "currency": Field(Kind.CHOICE, "d.currency"),
        "opened_on": Field(Kind.DATE, "d.opened_on", sorts=True),
        "closed_on": Field(Kind.DATE, "d.closed_on", sorts=True, nullable=True),
        "external_source": Field(Kind.TEXT, "d.external_source", nullable=True),
        "external_id": Field(Kind.TEXT, "d.external_id", nullable=True),
    },
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
