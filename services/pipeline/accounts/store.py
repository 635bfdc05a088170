"""Accounts in the database."""

from typing import Final, LiteralString

from services.pipeline.accounts.model import Account
from shared.db import Connection, Row
from shared.events import outbox
from shared.ids import External

_LOCK_EXTERNAL: Final[LiteralString] = """
    SELECT id, version, name, external_source, external_id
      FROM account
     WHERE external_source = $1 AND external_id = $2
       FOR UPDATE
"""
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO account (id, version, name, external_source, external_id)
    VALUES ($2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name
"""
)


async def lock_external(conn: Connection, external: External) -> Account | None:
    """Return the account of an external id, locked, None when there is none."""
    row = await conn.fetchrow(_LOCK_EXTERNAL, external.source, external.id)
    return None if row is None else to_account(row)


async def save(conn: Connection, account: Account, events: str) -> None:
    """Write an account and the events that tell of it in one statement."""
    external = account.external
    await conn.execute(
        _SAVE,
        events,
        account.id,
        account.version,
        account.name,
        None if external is None else external.source,
        None if external is None else external.id,
    )


def to_account(row: Row) -> Account:
    """Return a row as an account."""
    external = None
    if row["external_id"] is not None:
        external = External(row["external_source"], row["external_id"])
    return Account(row["id"], row["version"], row["name"], external)
