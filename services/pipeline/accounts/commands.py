"""What can be asked of accounts. The form for many is the way; the single ones call it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.pipeline.accounts import queries, store
from services.pipeline.accounts.model import Account, Draft, Kept
from shared.audit.model import Change
from shared.auth import scope
from shared.context import Context
from shared.contracts.pipeline import AccountSaved
from shared.db import Connection
from shared.events import outbox
from shared.ids import External, new_id


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """An account of another system as it should be."""

    external: External
    draft: Draft


async def open_account(conn: Connection, ctx: Context, *, draft: Draft) -> Account:
    """Open an account that no other system knows, the asker's where the draft names no owner.

    Raises NotWithinReach.
    """
    account = _opened(await _signed(conn, ctx, draft), None)
    await _check_reach(conn, ctx, [(None, account)])
    await _save(conn, ctx, [(None, account)])
    return account


async def put_account(
    conn: Connection, ctx: Context, *, external: External, draft: Draft
) -> Account:
    """Open the account of an external id or bring it up to date; without a change do nothing.

    Raises NotWithinReach, and AccountNotFound where the asker may not even see it.
    """
    signed = await _signed(conn, ctx, draft)
    return (await put_many_in(conn, ctx, [AccountDraft(external, signed)]))[0][0]


async def put_many_in(
    conn: Connection, ctx: Context, drafts: Sequence[AccountDraft]
) -> Sequence[tuple[Account, int | None]]:
    """Open accounts or bring them up to date; what is the same stays. Each is named once.

    Returns each as it is now, with the version that was known before, if any.
    """
    known = await store.lock_external_many(conn, [draft.external for draft in drafts])
    changes = [(known.get(draft.external), _put(known, draft)) for draft in drafts]
    await _check_reach(conn, ctx, changes)
    for before, _ in changes:
        ctx.check(0 if before is None else before.version)
    await _save(conn, ctx, [(before, after) for before, after in changes if before is not after])
    return [(after, None if before is None else before.version) for before, after in changes]


async def _signed(conn: Connection, ctx: Context, draft: Draft) -> Draft:
    """Return the draft with who opens it, for one request; a file brings the accounts of many."""
    return replace(draft, opened_by=await scope.asking_member(conn, ctx))


def _put(known: Mapping[External, Account], draft: AccountDraft) -> Account:
    before = known.get(draft.external)
    if before is None:
        return _opened(draft.draft, draft.external)
    said = draft.draft.owner_id
    owner_id = before.owner_id if isinstance(said, Kept) else said
    after = replace(before, name=draft.draft.name, owner_id=owner_id)
    return before if after == before else replace(after, version=before.version + 1)


def _opened(draft: Draft, external: External | None) -> Account:
    owner_id = draft.opened_by if isinstance(draft.owner_id, Kept) else draft.owner_id
    return Account(new_id(), 1, draft.name, external, owner_id)


async def _check_reach(
    conn: Connection, ctx: Context, changes: Sequence[tuple[Account | None, Account]]
) -> None:
    """Refuse accounts whose owner is, or would be, out of reach; nobody's are for who has all."""
    owners = {one.owner_id for change in changes for one in change if one is not None}
    outside = await scope.members_outside(conn, scope.sight(ctx), owners)
    for before, after in changes:
        if before is not None and before.owner_id in outside:
            seen = queries.OWNED.seen(scope.reading(ctx))
            await queries.by_external(conn, before.external or External("", ""), seen)
            raise scope.refused(ctx)
        if after.owner_id in outside:
            raise scope.refused(ctx, "/owner_id")


async def _save(
    conn: Connection, ctx: Context, changes: Sequence[tuple[Account | None, Account]]
) -> None:
    if changes:
        made = [Change.told(before, after, _told(after)) for before, after in changes]
        accounts = [after for _, after in changes]
        await store.save_many(conn, accounts, outbox.changes(ctx, made))


def _told(account: Account) -> AccountSaved:
    return AccountSaved(
        version=account.version,
        account_id=account.id,
        name=account.name,
        owner_id=account.owner_id,
    )
