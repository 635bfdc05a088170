"""What can be asked of deals. The forms for many are the way; the single ones call them."""

from collections.abc import Collection, Sequence
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
from shared.context import Context
from shared.contracts.pipeline import DealFact
from shared.db import Connection
from shared.errors import Conflict, Invalid, PharosError
from shared.events import outbox
from shared.ids import new_id
from shared.lists.asked import Asked


class UnknownProduct(Invalid):
    """A line names a product that is not in the catalogue."""

    en = "There is no product {product_id}. Save it first."
    zh = "不存在产品 {product_id}，请先保存该产品。"


class UnknownAccount(Invalid):
    """A deal names an account that is not there."""

    en = "There is no account {account_id}. Open it first."
    zh = "不存在客户 {account_id}，请先建立该客户。"


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


async def open_deal(conn: Connection, ctx: Context, *, draft: Draft) -> Deal:
    """Open a deal; raises AmountMissing, UnknownProduct, UnknownAccount, what `checked` refuses."""
    terms = rules.agreed(draft)
    await _check_references(conn, terms)
    deal = rules.opened(new_id(), terms)
    await _save(conn, ctx, [(None, deal)])
    return deal


async def edit_deal(conn: Connection, ctx: Context, *, deal_id: UUID, changes: Changes) -> Deal:
    """Change the terms of a deal; raises DealNotFound and what `open_deal` raises."""
    before = await _lock(conn, deal_id)
    ctx.check(before.version)
    terms = rules.changed(before.terms, changes)
    await _check_references(conn, terms)
    after = rules.edited(before, terms)
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
    changes: list[tuple[Deal | None, Deal]] = []
    for transition in transitions:
        before = known.get(transition.deal_id)
        if before is None:
            raise DealNotFound(deal_id=transition.deal_id)
        changes.append((before, rules.moved(before, transition)))
    await _save(conn, ctx, changes)
    return [after for _, after in changes]


async def record_deals(
    conn: Connection, ctx: Context, *, drafts: Sequence[RecordDraft]
) -> Sequence[Outcome]:
    """Make our deals the same as another system's, all or none; what is the same stays."""
    changes = await _planned(conn, drafts)
    for place, change in enumerate(changes):
        if isinstance(change, PharosError):
            raise change.under(f"/deals/{place}")
    return [_outcome(change) for change in await _kept(conn, ctx, changes)]


async def record_each_in(
    conn: Connection, ctx: Context, drafts: Sequence[RecordDraft]
) -> Sequence[Outcome | PharosError]:
    """Make our deals the same as another system's, each for itself; refusals stand in the place."""
    changes = await _planned(conn, drafts)
    kept = iter(await _kept(conn, ctx, changes))
    return [
        change if isinstance(change, PharosError) else _outcome(next(kept)) for change in changes
    ]


async def snapshot(conn: Connection, after: UUID, limit: int) -> Sequence[DealFact]:
    """Return the next deals by id as their events would tell of them now."""
    found = await queries.DEALS.page(conn, Asked(limit=limit, place=(after,)))
    return [rules.told(None, deal) for deal in found.items]


async def _planned(
    conn: Connection, drafts: Sequence[RecordDraft]
) -> Sequence[Recorded | PharosError]:
    """Return what each record would change, or why it is refused; its deal is locked."""
    agreed = [_agreed(draft) for draft in drafts]
    records = [record for record in agreed if isinstance(record, Record)]
    known = await store.lock_external_many(conn, [record.external for record in records])
    unknown = await _unknown_references(conn, [record.terms for record in records])
    refusals = iter(unknown)
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
        planned.append(refusal or _recorded(before, record))
    return planned


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


async def _check_references(conn: Connection, terms: Terms) -> None:
    """Refuse products and accounts that are not there, naming the first by its pointer."""
    unknown = (await _unknown_references(conn, [terms]))[0]
    if unknown is not None:
        raise unknown


async def _unknown_references(
    conn: Connection, many: Sequence[Terms]
) -> Sequence[PharosError | None]:
    """Return for each terms the first product or account that is not there, None when all are."""
    named_products = {line.product_id for terms in many for line in terms.lines}
    known_products = await products.known(conn, named_products) if named_products else set()
    named_accounts = {terms.account_id for terms in many if terms.account_id is not None}
    known_accounts = await accounts.known(conn, named_accounts) if named_accounts else set()
    return [_unknown(terms, known_products, known_accounts) for terms in many]


def _unknown(
    terms: Terms, known_products: Collection[UUID], known_accounts: Collection[UUID]
) -> PharosError | None:
    if terms.account_id is not None and terms.account_id not in known_accounts:
        return UnknownAccount(account_id=terms.account_id, pointer="/account_id")
    for ordinal, line in enumerate(terms.lines):
        if line.product_id not in known_products:
            where = f"/lines/{ordinal}/product_id"
            return UnknownProduct(product_id=line.product_id, pointer=where)
    return None
