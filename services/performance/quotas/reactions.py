"""What targets and their attainment do to quotas, and by them to incentives."""

from collections.abc import Sequence
from uuid import UUID

from services.performance.incentives import commands as incentives
from services.performance.incentives.model import Cause, PayeePeriod
from services.performance.plans import queries as plans
from services.performance.plans.queries import Holding
from services.performance.quotas import rules, store
from services.performance.quotas.model import Actual, Aim, Quota
from shared.context import Context
from shared.contracts.targets import AttainmentUpdated, ScopeKind, TargetSet
from shared.db import Connection
from shared.events.consumer import Projection, Subscription
from shared.events.envelope import Event
from shared.events.outbox import partition_of
from shared.events.snapshot import Stretch
from shared.period import FiscalCalendar, PeriodKind

Touched = dict[Aim, Context]
"""What moved, in the context of the last event that moved it."""


async def follow_targets(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Keep targets and actuals at their highest versions, and work out again who they pay."""
    touched = await _follow_values(conn, ctx, events) | await _follow_actuals(conn, ctx, events)
    await _work_out(conn, ctx, touched, incentives.cause_of(events))


async def correct_targets(conn: Connection, ctx: Context, stretch: Stretch) -> int:
    """Know the targets of a snapshot and where they stand, and no others; work out who they pay."""
    known = rules.by_target(*await _known(conn, ctx, stretch))
    told = rules.by_target(*rules.read(event.content for event in stretch.events))
    wrong = {
        target for target in known.keys() | told.keys() if known.get(target) != told.get(target)
    }
    await store.forget_many(conn, wrong)
    right = [told[target] for target in sorted(wrong & told.keys())]
    await store.save_many(conn, [one.quota for one in right if one.quota is not None])
    await store.save_actuals(conn, [actual for one in right for actual in one.actuals])
    touched: Touched = {}
    for target in wrong:
        for one in (known.get(target), told.get(target)):
            if one is not None and one.quota is not None:
                touched[one.quota.aim] = ctx
    await _work_out(conn, ctx, touched, Cause("performance"))
    return len(wrong)


async def _known(
    conn: Connection, ctx: Context, stretch: Stretch
) -> tuple[Sequence[Quota], Sequence[Actual]]:
    """Return what is known of the targets of a stretch, which are those of one partition."""
    quotas, actuals = await store.lock_stretch(conn, stretch.after, stretch.last)
    partitions = ctx.installation.partitions

    def there(target_id: UUID) -> bool:
        return partition_of(target_id.int, partitions) == stretch.partition

    return (
        [quota for quota in quotas if there(quota.target_id)],
        [actual for actual in actuals if there(actual.target_id)],
    )


async def _work_out(conn: Connection, ctx: Context, touched: Touched, cause: Cause) -> None:
    """Work out again who is paid on what was touched."""
    quarterly = {
        aim: context
        for aim, context in touched.items()
        if ctx.installation.calendar.named(aim.period).kind is PeriodKind.QUARTER
    }
    unit_ids = {aim.scope_id for aim in quarterly if aim.scope is ScopeKind.UNIT}
    await incentives.lock_units_in(conn, unit_ids)
    contexts = await _paid_by(conn, quarterly, ctx.installation.calendar)
    if contexts:
        await incentives.recalculate_many_in(conn, contexts, cause)


async def follow_in_silence(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Keep targets and actuals while all of them are learned anew; pay looks at the end of it."""
    await _follow_values(conn, ctx, events)
    await _follow_actuals(conn, ctx, events)


async def _follow_values(conn: Connection, ctx: Context, events: Sequence[Event]) -> Touched:
    told = {
        rules.quota_of(event.content): event.context(ctx)
        for event in events
        if isinstance(event.content, TargetSet)
    }
    if not told:
        return {}
    known = await store.lock_many(conn, {quota.target_id for quota in told})
    news = rules.newest(told, known)
    await store.save_many(conn, list(news.values()))
    touched: Touched = {}
    for quota in news.values():
        touched[quota.aim] = told[quota]
        if quota.target_id in known:
            touched[known[quota.target_id].aim] = told[quota]
    return touched


async def _follow_actuals(conn: Connection, ctx: Context, events: Sequence[Event]) -> Touched:
    told = {
        event.content: event.context(ctx)
        for event in events
        # A member's own attainment is not kept: own credits are counted from the deals.
        if isinstance(event.content, AttainmentUpdated) and event.content.scope is ScopeKind.UNIT
    }
    if not told:
        return {}
    news = await store.save_actuals(conn, list(rules.actuals_of(told)))
    return {
        Aim(a.scope, a.scope_id, a.metric, a.period, a.currency or ""): context
        for a, context in told.items()
        # An event that is heard again beside news has moved nothing, and is no cause.
        if (a.target_id, a.partition, a.version) in news
    }


async def _paid_by(
    conn: Connection, touched: Touched, calendar: FiscalCalendar
) -> dict[PayeePeriod, Context]:
    """Return whose pay in which period may depend on what was touched."""
    contexts: dict[PayeePeriod, Context] = {}
    units = []
    for aim, context in touched.items():
        period = calendar.named(aim.period)
        if aim.scope is ScopeKind.MEMBER:
            contexts[PayeePeriod(aim.scope_id, period.name)] = context
        else:
            units.append((Holding(aim.scope_id, period.period), period.name, context))
    if units:
        for place, payee_id in await plans.paid_by_units(conn, [unit[0] for unit in units]):
            _, name, context = units[place]
            contexts[PayeePeriod(payee_id, name)] = context
    return contexts


TARGETS = Subscription(
    consumer="quotas",
    source="targets",
    handles=frozenset(contract.TYPE for contract in (TargetSet, AttainmentUpdated)),
    react=follow_targets,
    snapshot="targets",
    correct=correct_targets,
    projection=Projection(
        store.clear, follow_in_silence, incentives.put_off_everybody_in, follows_from_facts=False
    ),
)
