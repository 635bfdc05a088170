"""Accounts in the database."""

from collections.abc import Sequence
from typing import Final, LiteralString

from services.pipeline.accounts.model import Account
from shared.db import Connection, Row, columns
from shared.events import outbox
from shared.ids import External

_LOCK_EXTERNAL: Final[LiteralString] = """
    SELECT a.id, a.version, a.name, a.external_source, a.external_id, a.owner_id
      FROM account AS a
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON a.external_source = wanted.source AND a.external_id = wanted.id
     ORDER BY a.id
       FOR UPDATE OF a
"""
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO account (id, version, name, external_source, external_id, owner_id)
    SELECT a.id, a.version, a.name, a.external_source, a.external_id, a.owner_id
      FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::uuid[])
           AS a (id, version, name, external_source, external_id, owner_id)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name, owner_id = excluded.owner_id
"""
)


async def lock_external_many(
    conn: Connection, externals: Sequence[External]
) -> dict[External, Account]:
    """Return the accounts of these external ids, locked in the order of their ids."""
    sources, ids = [e.source for e in externals], [e.id for e in externals]
    accounts = [to_account(row) for row in await conn.fetch(_LOCK_EXTERNAL, sources, ids)]
    return {account.external: account for account in accounts if account.external is not None}


async def save_many(conn: Connection, accounts: Sequence[Account], events: str) -> None:
    """Write accounts and the events that tell of them in one statement."""
    rows = [
        (
            account.id,
            account.version,
            account.name,
            None if account.external is None else account.external.source,
            None if account.external is None else account.external.id,
            account.owner_id,
        )
        for account in accounts
    ]
    await conn.execute(_SAVE, events, *columns(rows, 6))


def to_account(row: Row) -> Account:
    """Return a row as an account."""
    external = None
    if row["external_id"] is not None:
        external = External(row["external_source"], row["external_id"])
    return Account(row["id"], row["version"], row["name"], external, row["owner_id"])
