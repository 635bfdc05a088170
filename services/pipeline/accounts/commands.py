"""What can be asked of accounts."""

from dataclasses import replace

from services.pipeline.accounts import store
from services.pipeline.accounts.model import Account
from shared.audit.model import Change
from shared.context import Context
from shared.contracts.pipeline import AccountSaved
from shared.db import Connection
from shared.events import outbox
from shared.ids import External, new_id


async def open_account(conn: Connection, ctx: Context, *, name: str) -> Account:
    """Open an account that no other system knows."""
    return await _saved(conn, ctx, None, Account(new_id(), 1, name, None))


async def put_account(conn: Connection, ctx: Context, *, external: External, name: str) -> Account:
    """Open the account of an external id or bring it up to date; without a change do nothing."""
    known = await store.lock_external(conn, external)
    if known is None:
        return await _saved(conn, ctx, None, Account(new_id(), 1, name, external))
    if known.name == name:
        return known
    return await _saved(conn, ctx, known, replace(known, name=name, version=known.version + 1))


async def _saved(
    conn: Connection, ctx: Context, before: Account | None, account: Account
) -> Account:
    told = AccountSaved(version=account.version, account_id=account.id, name=account.name)
    await store.save(conn, account, outbox.changes(ctx, [Change.told(before, account, told)]))
    return account
