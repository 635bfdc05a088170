"""What moves attainment, from wherever it comes: postings, new targets, a changed organisation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.targets.attainment import queries, rules, store
from services.targets.attainment.model import Amount, Key, Moved, Place, Posting
from services.targets.attainment.queries import Targeted
from services.targets.org import queries as organisation
from services.targets.org.model import Organisation
from shared.context import Context, Origin
from shared.contracts.pipeline import DealFact
from shared.contracts.targets import AttainmentUpdated
from shared.db import Connection, Database
from shared.events import facts, outbox
from shared.events.envelope import Event
from shared.events.facts import Stored
from shared.failpoints import reach
from shared.ids import derived_id
from shared.ratio import Ratio

REPOST_BATCH = 200
EXPAND_BATCH = 1_000
TELL_BATCH = 500


async def post_many_in(
    conn: Connection, ctx: Context, postings: Sequence[Posting], events: Mapping[UUID, Event]
) -> None:
    """Bring the ledger to what the postings say and tell each target that moved once.

    A posting that changes nothing writes nothing. ``events`` has each cause that is an event, in
    whose context it is told; what has another cause is told in ``ctx``.
    """
    moved, causes = await _posted(conn, ctx, postings)
    await _tell(conn, ctx, moved, causes, events)


async def clear_in(conn: Connection) -> None:
    """Take away all that was posted, and keep out whoever else posts."""
    await organisation.locked(conn)
    await store.clear(conn)


async def post_in_silence(conn: Connection, ctx: Context, postings: Sequence[Posting]) -> None:
    """Bring the ledger to what the postings say; ``tell_all_in`` tells of it later."""
    await _posted(conn, ctx, postings)


async def tell_all_in(conn: Connection, ctx: Context) -> None:
    """Tell where every target stands."""
    after = UUID(int=0)
    while ids := await queries.all_targeted(conn, after, TELL_BATCH):
        after = ids[-1]
        await _tell(conn, ctx, await store.lock_many(conn, ids), {}, {})


async def _posted(
    conn: Connection, ctx: Context, postings: Sequence[Posting]
) -> tuple[Sequence[Moved], Mapping[Place, Posting]]:
    """Post the differences; return the totals that moved, and the last cause of each."""
    known = {posting.fact_id for posting in postings if not posting.fresh}
    found = rules.entries(postings, await store.posted_many(conn, known))
    if not found:
        return (), {}
    moving = rules.by_place(found)
    amounts = {place: rules.total(part) for place, part in moving.items()}
    moved = await store.post_many(conn, found, amounts, ctx.now)
    causes = {place: part[-1].posting for place, part in moving.items()}
    return await _completed(conn, moved, amounts, postings), causes


async def _completed(
    conn: Connection,
    moved: Sequence[Moved],
    amounts: Mapping[Place, Amount],
    postings: Sequence[Posting],
) -> Sequence[Moved]:
    """Make the totals that were not there yet, and add to them too."""
    missing = amounts.keys() - {total.place for total in moved}
    if not missing:
        return moved
    keys = rules.keys(postings)
    await store.open_many(conn, [(keys[place.attainment_id], place.partition) for place in missing])
    return [*moved, *await store.add_many(conn, {place: amounts[place] for place in missing})]


async def open_for_targets(conn: Connection, ctx: Context, keys: Sequence[Key]) -> None:
    """Make and lock the totals that new target values are held against, and tell where they stand.

    The lock is what makes it whole: a posting that is under way is waited for, one that comes
    later sees the target.
    """
    partitions = range(ctx.installation.partitions)
    await store.open_many(conn, [(key, partition) for key in keys for partition in partitions])
    totals = await store.lock_many(conn, [key.id for key in keys])
    await _tell(conn, ctx, totals, {}, {})


async def standing(conn: Connection, attainment_ids: Sequence[UUID]) -> Sequence[AttainmentUpdated]:
    """Return where these attainments stand, one for each partition that posted to them."""
    targets = {t.attainment_id: t for t in await queries.targeted(conn, attainment_ids)}
    totals = await queries.totals(conn, attainment_ids)
    return [_updated(targets[total.place.attainment_id], total, None) for total in totals]


async def mark_scope(conn: Connection, scope_id: UUID, since: date) -> None:
    """Mark what a member or unit posted since a day, to be posted again by ``repost``."""
    await store.mark_scope(conn, scope_id, since)


async def repost(database: Database, ctx: Context) -> int:
    """Post a batch of marked facts again, by the organisation as it is now; 0 when none is left."""

    async def work(conn: Connection) -> int:
        now = await organisation.held(conn)
        expanded = await store.expand_marks(conn, EXPAND_BATCH)
        marked = await store.take_marks(conn, REPOST_BATCH)
        if marked:
            await reach("repost.taken")
        known = await facts.lock_many(conn, marked, DealFact)
        for origin in Origin:  # what was history stays history
            postings = [_again(ctx, stored, now) for stored in known if stored.origin is origin]
            await post_many_in(conn, replace(ctx, origin=origin), postings, {})
        return len(marked) + expanded

    return await database.transact(work) if await database.read(store.any_marked) else 0


def _again(ctx: Context, stored: Stored[DealFact], now: Organisation) -> Posting:
    fact = stored.fact
    return Posting(
        fact_id=fact.deal_id,
        fact_version=fact.version,
        cause_id=derived_id("repost", ctx.correlation_id, fact.deal_id),
        source="targets",
        partition=stored.partition,
        number=stored.number,
        figures=rules.figures(fact, now, ctx.installation.calendar),
        fresh=False,
    )


async def _tell(
    conn: Connection,
    ctx: Context,
    moved: Sequence[Moved],
    causes: Mapping[Place, Posting],
    events: Mapping[UUID, Event],
) -> None:
    if not moved:
        return
    targets = await queries.targeted(conn, sorted({total.place.attainment_id for total in moved}))
    by_attainment = {target.attainment_id: target for target in targets}
    told = []
    for total in moved:
        target = by_attainment.get(total.place.attainment_id)
        if target is not None:
            cause = causes.get(total.place)
            event = None if cause is None else events.get(cause.cause_id)
            context = ctx if event is None else event.context(ctx)
            told.append((context, _updated(target, total, cause)))
    await outbox.append(conn, told)


def _updated(target: Targeted, total: Moved, cause: Posting | None) -> AttainmentUpdated:
    ratio = None if target.value is None else Ratio.of(target.actual, target.value)
    return AttainmentUpdated(
        version=total.version,
        target_id=target.id,
        target_version=target.version,
        scope=target.scope,
        scope_id=target.scope_id,
        metric=target.metric,
        period=target.period,
        value=target.value,
        actual=target.actual,
        currency=target.currency or None,
        attainment=None if ratio is None else ratio.value,
        partition=total.place.partition,
        partition_actual=total.actual,
        fact_id=None if cause is None else cause.fact_id,
        fact_version=None if cause is None else cause.fact_version,
    )
