"""Reading accounts."""

from collections.abc import Collection
from typing import Final, LiteralString
from uuid import UUID

from services.pipeline.accounts.model import Account
from services.pipeline.accounts.store import to_account
from shared.auth.scope import AnyOf, Member, Members, Owned, Through
from shared.db import Connection
from shared.directory import trees
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind, Op
from shared.filters.tree import Comparison
from shared.ids import External
from shared.lists.asked import Asked
from shared.lists.listing import Listing
from shared.sql import Condition, anything

_SELECT: Final[LiteralString] = """
    SELECT a.id, a.version, a.name, a.external_source, a.external_id, a.owner_id
      FROM account AS a
"""
_IDS_OF: Final[LiteralString] = """
    SELECT a.id, a.external_source, a.external_id
      FROM account AS a
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON a.external_source = wanted.source AND a.external_id = wanted.id
"""
_DEALS: Final[LiteralString] = "SELECT FROM deal AS d WHERE d.account_id = a.id"

ACCOUNTS: Final = Listing(
    select=_SELECT,
    of=to_account,
    fields={
        "id": Field(Kind.ID, "a.id", sorts=True),
        "name": Field(Kind.TEXT, "a.name", sorts=True),
        "owner_id": Field(Kind.ID, "a.owner_id", nullable=True, below=trees.members),
        "external_source": Field(Kind.TEXT, "a.external_source", nullable=True),
        "external_id": Field(Kind.TEXT, "a.external_id", nullable=True),
    },
)

OWNED: Final = Owned(
    AnyOf(
        (
            Member("a.owner_id"),
            Through(_DEALS, AnyOf((Member("d.owner_id"), Members("d.member_ids")))),
        )
    )
)
"""An account is also of those who have a deal with it."""


class AccountNotFound(NotFound):
    """There is no such account, or it is not the caller's to see."""

    en = "There is no account {account_id}."
    zh = "不存在客户 {account_id}。"


async def one(conn: Connection, account_id: UUID, scope: Condition = anything) -> Account:
    """Return an account within ``scope``; raises AccountNotFound."""
    account = await ACCOUNTS.only(conn, scope, id=account_id)
    if account is None:
        raise AccountNotFound(account_id=account_id)
    return account


async def by_external(conn: Connection, external: External, scope: Condition = anything) -> Account:
    """Return the account of an external id within ``scope``; raises AccountNotFound."""
    account = await ACCOUNTS.only(
        conn, scope, external_source=external.source, external_id=external.id
    )
    if account is None:
        raise AccountNotFound(account_id=external.id)
    return account


async def ids_of(conn: Connection, externals: Collection[External]) -> dict[External, UUID]:
    """Return the ids of the accounts of these external ids."""
    sources, ids = [e.source for e in externals], [e.id for e in externals]
    rows = await conn.fetch(_IDS_OF, sources, ids)
    return {External(row["external_source"], row["external_id"]): row["id"] for row in rows}


async def known(conn: Connection, ids: Collection[UUID], scope: Condition = anything) -> set[UUID]:
    """Return those of the ids that are accounts within ``scope``."""
    wanted = Comparison("id", Op.IN, tuple(ids))
    found = await ACCOUNTS.page(conn, Asked(filter=wanted, limit=len(ids)), scope)
    return {account.id for account in found.items}
