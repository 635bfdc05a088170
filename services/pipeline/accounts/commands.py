"""What can be asked of accounts. The form for many is the way; the single ones call it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.pipeline.accounts import store
from services.pipeline.accounts.model import Account
from shared.audit.model import Change
from shared.context import Context
from shared.contracts.pipeline import AccountSaved
from shared.db import Connection
from shared.events import outbox
from shared.ids import External, new_id


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """An account of another system as it should be."""

    external: External
    name: str


async def open_account(conn: Connection, ctx: Context, *, name: str) -> Account:
    """Open an account that no other system knows."""
    account = Account(new_id(), 1, name, None)
    await _save(conn, ctx, [(None, account)])
    return account


async def put_account(conn: Connection, ctx: Context, *, external: External, name: str) -> Account:
    """Open the account of an external id or bring it up to date; without a change do nothing."""
    return (await put_many_in(conn, ctx, [AccountDraft(external, name)]))[0][0]


async def put_many_in(
    conn: Connection, ctx: Context, drafts: Sequence[AccountDraft]
) -> Sequence[tuple[Account, int | None]]:
    """Open accounts or bring them up to date; what is the same stays. Each is named once.

    Returns each as it is now, with the version that was known before, if any.
    """
    known = await store.lock_external_many(conn, [draft.external for draft in drafts])
    changes = [(known.get(draft.external), _put(known, draft)) for draft in drafts]
    for before, _ in changes:
        ctx.check(0 if before is None else before.version)
    await _save(conn, ctx, [(before, after) for before, after in changes if before is not after])
    return [(after, None if before is None else before.version) for before, after in changes]


def _put(known: Mapping[External, Account], draft: AccountDraft) -> Account:
    before = known.get(draft.external)
    if before is None:
        return Account(new_id(), 1, draft.name, draft.external)
    if before.name == draft.name:
        return before
    return replace(before, name=draft.name, version=before.version + 1)


async def _save(
    conn: Connection, ctx: Context, changes: Sequence[tuple[Account | None, Account]]
) -> None:
    if changes:
        made = [Change.told(before, after, _told(after)) for before, after in changes]
        accounts = [after for _, after in changes]
        await store.save_many(conn, accounts, outbox.changes(ctx, made))


def _told(account: Account) -> AccountSaved:
    return AccountSaved(version=account.version, account_id=account.id, name=account.name)
