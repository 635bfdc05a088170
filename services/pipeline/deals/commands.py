"""What can be asked of deals. The forms for many are the way; the single ones call them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from services.pipeline.accounts import queries as accounts
from services.pipeline.deals import queries, rules, store
from services.pipeline.deals.model import (
    Changes,
    Deal,
    Draft,
    Record,
    RecordDraft,
    Terms,
    Transition,
)
from services.pipeline.deals.queries import DealNotFound
from services.pipeline.products import queries as products
from shared.audit.model import Change
from shared.auth import scope
from shared.context import Context
from shared.contracts.pipeline import DealFact
from shared.db import Connection
from shared.directory import queries as members
from shared.errors import Conflict, Invalid, PharosError
from shared.events import outbox
from shared.ids import External, new_id
from shared.lists.asked import Asked
from shared.sql import Condition


class UnknownProduct(Invalid):
    """A line names a product that is not in the catalogue."""

    en = "There is no product {product_id}. Save it first."
    zh = "不存在产品 {product_id}，请先保存该产品。"


class UnknownAccount(Invalid):
    """A deal names an account that is not there."""

    en = "There is no account {account_id}. Open it first."
    zh = "不存在客户 {account_id}，请先建立该客户。"


class OwnerMissing(Invalid):
    """A deal is somebody's, and who opens it is no member."""

    en = "Say whose deal it is; you are no member yourself."
    zh = "请填写商机的负责人；您本人不是组织成员。"


class RecordTwice(Conflict):
    """One request may name a deal of another system once."""

    en = "The deal {external_id} of {source} stands twice in this request."
    zh = "来源 {source} 的商机 {external_id} 在本次请求中出现两次。"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a record did: the deal as it is now and the version that was known before, if any."""

    deal: Deal
    before: int | None


Recorded: TypeAlias = tuple[Deal | None, Deal]
"""A deal before and after."""


async def open_deal(
    conn: Connection, ctx: Context, *, owner_id: UUID | None, draft_of: Callable[[UUID], Draft]
) -> Deal:
    """Open a deal of an owner, None: of the member who asks.

    Raises OwnerMissing, AmountMissing, UnknownProduct, UnknownAccount, and what `checked` refuses.
    """
    owner_id = owner_id or await scope.asking_member(conn, ctx)
    if owner_id is None:
        raise OwnerMissing(pointer="/owner_id")
    terms = rules.agreed(draft_of(owner_id))
    await _check_references(conn, ctx, None, terms)
    deal = rules.opened(new_id(), terms)
    await _check_given(conn, ctx, None, deal)
    await _save(conn, ctx, [(None, deal)])
    return deal


async def edit_deal(conn: Connection, ctx: Context, *, deal_id: UUID, changes: Changes) -> Deal:
    """Change the terms of a deal; raises DealNotFound and what `open_deal` raises."""
    before = await _lock(conn, deal_id)
    for refusal in (await _unchangeable(conn, ctx, {deal_id: before})).values():
        raise refusal
    ctx.check(before.version)
    terms = rules.changed(before.terms, changes)
    await _check_references(conn, ctx, before, terms)
    after = rules.edited(before, terms)
    await _check_given(conn, ctx, before, after)
    if after is not before:
        await _save(conn, ctx, [(before, after)])
    return after


async def move_deal(conn: Connection, ctx: Context, *, transition: Transition) -> Deal:
    """Win, lose or reopen a deal."""
    return (await move_many_in(conn, ctx, [transition]))[0]


async def move_many_in(
    conn: Connection, ctx: Context, transitions: Sequence[Transition]
) -> Sequence[Deal]:
    """Move deals to the stages that are wished for, all or none; at most once each."""
    known = await store.lock_many(conn, [transition.deal_id for transition in transitions])
    for refusal in (await _unchangeable(conn, ctx, known)).values():
        raise refusal
    changes: list[tuple[Deal | None, Deal]] = []
    for transition in transitions:
        before = known.get(transition.deal_id)
        if before is None:
            raise DealNotFound(deal_id=transition.deal_id)
        ctx.check(before.version)
        changes.append((before, rules.moved(before, transition)))
    await _save(conn, ctx, changes)
    return [after for _, after in changes]


async def record_deals(
    conn: Connection, ctx: Context, *, drafts: Sequence[RecordDraft]
) -> Sequence[Outcome]:
    """Make our deals the same as another system's, all or none; what is the same stays."""
    changes = await _planned(conn, ctx, drafts)
    for place, change in enumerate(changes):
        if isinstance(change, PharosError):
            raise change.under(f"/deals/{place}")
    return [_outcome(change) for change in await _kept(conn, ctx, changes)]


async def record_each_in(
    conn: Connection, ctx: Context, drafts: Sequence[RecordDraft]
) -> Sequence[Outcome | PharosError]:
    """Make our deals the same as another system's, each for itself; refusals stand in the place."""
    changes = await _planned(conn, ctx, drafts)
    kept = iter(await _kept(conn, ctx, changes))
    return [
        change if isinstance(change, PharosError) else _outcome(next(kept)) for change in changes
    ]


async def snapshot(conn: Connection, after: UUID, limit: int) -> Sequence[DealFact]:
    """Return the next deals by id as their events would tell of them now."""
    found = await queries.DEALS.page(conn, Asked(limit=limit, place=(after,)))
    return [rules.told(None, deal) for deal in found.items]


async def _planned(
    conn: Connection, ctx: Context, drafts: Sequence[RecordDraft]
) -> Sequence[Recorded | PharosError]:
    """Return what each record would change, or why it is refused; its deal is locked."""
    agreed = [_agreed(draft) for draft in drafts]
    records = [record for record in agreed if isinstance(record, Record)]
    known = await store.lock_external_many(conn, [record.external for record in records])
    beyond = await _unchangeable(conn, ctx, known)
    pairs = [(known.get(record.external), record.terms) for record in records]
    refusals = iter(await _unknown_references(conn, ctx, pairs))
    seen: set[object] = set()
    planned: list[Recorded | PharosError] = []
    for record in agreed:
        if isinstance(record, PharosError):
            planned.append(record)
            continue
        refusal = next(refusals)
        if record.external in seen:
            refusal = RecordTwice(
                external_id=record.external.id, source=record.external.source, pointer="/external"
            )
        seen.add(record.external)
        before = known.get(record.external)
        refusal = beyond.get(record.external) or refusal
        planned.append(refusal or _recorded(before, record))
    return await _within_reach(conn, ctx, planned)


def _agreed(draft: RecordDraft) -> Record | PharosError:
    try:
        return rules.agreed_record(draft)
    except PharosError as error:
        return error


def _recorded(before: Deal | None, record: Record) -> Recorded | PharosError:
    try:
        return before, rules.recorded(before, record, new_id())
    except PharosError as error:
        return error


async def _kept(
    conn: Connection, ctx: Context, changes: Sequence[Recorded | PharosError]
) -> Sequence[Recorded]:
    """Save those that change anything; return all that were not refused."""
    taken = [change for change in changes if not isinstance(change, PharosError)]
    await _save(conn, ctx, [(before, after) for before, after in taken if before is not after])
    return taken


def _outcome(change: Recorded) -> Outcome:
    before, after = change
    return Outcome(after, None if before is None else before.version)


async def _lock(conn: Connection, deal_id: UUID) -> Deal:
    found = await store.lock_many(conn, [deal_id])
    if deal_id not in found:
        raise DealNotFound(deal_id=deal_id)
    return found[deal_id]


async def _save(
    conn: Connection, ctx: Context, changes: Sequence[tuple[Deal | None, Deal]]
) -> None:
    if changes:
        told = [Change.told(before, after, rules.told(before, after)) for before, after in changes]
        await store.save_many(conn, [after for _, after in changes], outbox.changes(ctx, told))


async def _unchangeable(
    conn: Connection, ctx: Context, deals: Mapping[UUID, Deal] | Mapping[External, Deal]
) -> Mapping[object, PharosError]:
    """Return by key the refusal of each deal whose owner is out of reach.

    To whoever may not even see a deal it is not there.
    """
    owners = {deal.terms.owner_id for deal in deals.values()}
    outside = await scope.members_outside(conn, scope.sight(ctx), owners)
    seen = queries.OWNED.seen(scope.reading(ctx))
    refusals: dict[object, PharosError] = {}
    for key, deal in deals.items():
        if deal.terms.owner_id in outside:
            refusals[key] = await _refusal(conn, ctx, key, seen)
    return refusals


async def _refusal(
    conn: Connection, ctx: Context, key: UUID | External, seen: Condition
) -> PharosError:
    try:
        if isinstance(key, External):
            await queries.by_external(conn, key, seen)
        else:
            await queries.one(conn, key, seen)
    except DealNotFound as error:
        return error
    return scope.refused(ctx)


async def _check_given(conn: Connection, ctx: Context, before: Deal | None, after: Deal) -> None:
    for change in await _within_reach(conn, ctx, [(before, after)]):
        if isinstance(change, PharosError):
            raise change


async def _within_reach(
    conn: Connection, ctx: Context, changes: Sequence[Recorded | PharosError]
) -> Sequence[Recorded | PharosError]:
    """Refuse to give a deal to a member out of reach, or a share of it to whom nobody knows.

    Any member may be let in on a deal; it stays with an owner in reach. Who has it keeps it.
    """
    taken = [change for change in changes if not isinstance(change, PharosError)]
    owners = {owner for change in taken for owner in _new_owner(*change)}
    sharing = {member for change in taken for member in _new_sharers(*change)}
    outside = await scope.members_outside(conn, scope.sight(ctx), owners | sharing)
    known = await members.known_members(conn, sharing & outside) if sharing & outside else set()
    return [
        change if isinstance(change, PharosError) else _reached(ctx, change, outside, known)
        for change in changes
    ]


def _reached(
    ctx: Context, change: Recorded, outside: set[UUID | None], known: set[UUID]
) -> Recorded | PharosError:
    if _new_owner(*change) & outside:
        return scope.refused(ctx, "/owner_id")
    if _new_sharers(*change) & (outside - known):
        return scope.refused(ctx, "/shares")
    return change


def _new_owner(before: Deal | None, after: Deal) -> set[UUID]:
    is_new = before is None or before.terms.owner_id != after.terms.owner_id
    return {after.terms.owner_id} if is_new else set()


def _new_sharers(before: Deal | None, after: Deal) -> set[UUID]:
    sharing = {share.member_id for share in after.terms.shares}
    if before is not None:
        sharing -= {before.terms.owner_id, *(share.member_id for share in before.terms.shares)}
    return sharing


async def _check_references(
    conn: Connection, ctx: Context, before: Deal | None, terms: Terms
) -> None:
    """Refuse products and accounts that are not there, naming the first by its pointer."""
    unknown = (await _unknown_references(conn, ctx, [(before, terms)]))[0]
    if unknown is not None:
        raise unknown


async def _unknown_references(
    conn: Connection, ctx: Context, pairs: Sequence[tuple[Deal | None, Terms]]
) -> Sequence[PharosError | None]:
    """Return for each terms the first product or account that is not there, None when all are.

    An account that the asker may not see is not there either: a deal with it would show it. The
    one that a deal has already may stay.
    """
    many = [terms for _, terms in pairs]
    named_products = {line.product_id for terms in many for line in terms.lines}
    known_products = await products.known(conn, named_products) if named_products else set()
    named_accounts = {terms.account_id for terms in many if terms.account_id is not None}
    known_accounts = {b.terms.account_id for b, _ in pairs if b is not None} & named_accounts
    if named_accounts != known_accounts:
        seen = accounts.OWNED.seen(scope.sight(ctx, "accounts:read"))
        known_accounts |= await accounts.known(conn, named_accounts - known_accounts, seen)
    return [_unknown(terms, known_products, known_accounts) for terms in many]


def _unknown(
    terms: Terms, known_products: Collection[UUID], known_accounts: Collection[UUID | None]
) -> PharosError | None:
    if terms.account_id is not None and terms.account_id not in known_accounts:
        return UnknownAccount(account_id=terms.account_id, pointer="/account_id")
    for ordinal, line in enumerate(terms.lines):
        if line.product_id not in known_products:
            where = f"/lines/{ordinal}/product_id"
            return UnknownProduct(product_id=line.product_id, pointer=where)
    return None
