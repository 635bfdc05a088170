"""Reading deals."""

from typing import Final
from uuid import UUID

from services.pipeline.deals.model import Deal
from services.pipeline.deals.store import WHOLE, to_deal
from shared.auth.scope import AnyOf, Member, Members, Owned
from shared.contracts.pipeline import DealStage
from shared.db import Connection
from shared.directory import trees
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.ids import External
from shared.lists.listing import Listing
from shared.sql import Condition, anything

DEALS: Final = Listing(
    select=WHOLE,
    of=to_deal,
    fields={
        "id": Field(Kind.ID, "d.id", sorts=True),
        "name": Field(Kind.TEXT, "d.name"),
        "stage": Field(Kind.CHOICE, "d.stage", choices=tuple(DealStage)),
        "owner_id": Field(Kind.ID, "d.owner_id", below=trees.members),
        "member_ids": Field(Kind.IDS, "d.member_ids"),
        "account_id": Field(Kind.ID, "d.account_id", nullable=True),
        "amount": Field(Kind.DECIMAL, "d.amount", sorts=True),
        "currency": Field(Kind.CHOICE, "d.currency"),
        "opened_on": Field(Kind.DATE, "d.opened_on", sorts=True),
        "closed_on": Field(Kind.DATE, "d.closed_on", sorts=True, nullable=True),
        "external_source": Field(Kind.TEXT, "d.external_source", nullable=True),
        "external_id": Field(Kind.TEXT, "d.external_id", nullable=True),
    },
)

OWNED: Final = Owned(AnyOf((Member("d.owner_id"), Members("d.member_ids"))))


class DealNotFound(NotFound):
    """There is no such deal, or it is not the caller's to see."""

    en = "There is no deal {deal_id}."
    zh = "不存在商机 {deal_id}。"


async def one(conn: Connection, deal_id: UUID, scope: Condition = anything) -> Deal:
    """Return a deal within ``scope``; raises DealNotFound."""
    deal = await DEALS.only(conn, scope, id=deal_id)
    if deal is None:
        raise DealNotFound(deal_id=deal_id)
    return deal


async def by_external(conn: Connection, external: External, scope: Condition = anything) -> Deal:
    """Return the deal of an external id within ``scope``; raises DealNotFound."""
    deal = await DEALS.only(conn, scope, external_source=external.source, external_id=external.id)
    if deal is None:
        raise DealNotFound(deal_id=external.id)
    return deal
