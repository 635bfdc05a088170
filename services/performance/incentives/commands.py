"""What can be asked of incentives: to be worked out again, at once or later, and explained.

Whatever pay depends on is written first; then the payees are locked; then everything is read. So
the order in which facts, targets and plans arrive never matters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.performance.credits import queries as credits_ledger
from services.performance.incentives import queries, rules, store
from services.performance.incentives.engine.calculation import calculate
from services.performance.incentives.model import (
    Cause,
    Due,
    Entry,
    Explained,
    Head,
    Incentive,
    Key,
    Mark,
    Part,
    PayeePeriod,
)
from services.performance.plans import queries as plans
from services.performance.plans.queries import Holding
from services.performance.quotas import queries as quotas
from shared.context import Context, Origin
from shared.db import Connection, Database
from shared.events import outbox
from shared.events.envelope import Event
from shared.money import Money
from shared.period import FiscalCalendar, PeriodKind

AT_ONCE_MAX = 500
MARKS_MAX = 50

Contexts = Mapping[PayeePeriod, Context]
"""What must be worked out, and in whose name it is told."""


def cause_of(events: Sequence[Event]) -> Cause:
    """Return a batch of one source's events, in their order, as one cause."""
    first, last = events[0], events[-1]
    return Cause(first.source, first.partition, first.number, last.number)


async def recalculate_many_in(conn: Connection, contexts: Contexts, cause: Cause) -> None:
    """Work out again all that these payees are due for these periods.

    Posts the differences line by line and tells of each incentive that moved; what is as it was
    posts nothing and tells nothing. More than AT_ONCE_MAX at a time are put off, so that a deal
    never waits behind a whole company.
    """
    if len(contexts) <= AT_ONCE_MAX:
        await store.lock_payees(conn, {owner.payee_id for owner in contexts})
        await _settle(conn, contexts, cause)
        return
    marks: dict[UUID, Mark] = {}
    for owner, ctx in contexts.items():
        since = ctx.installation.calendar.named(owner.period).period.start
        known = marks.get(owner.payee_id)
        if known is None or since < known.since:
            marks[owner.payee_id] = _mark(owner.payee_id, since, ctx)
    await store.mark(conn, marks.values())


async def put_off_in(conn: Connection, ctx: Context, since: Mapping[UUID, date]) -> None:
    """Mark payees to be worked out again from a day on; ``recalculate_marked`` does it."""
    if since:
        await store.mark(conn, [_mark(payee_id, day, ctx) for payee_id, day in since.items()])


async def recalculate_marked(database: Database, ctx: Context) -> int:
    """Work out again a batch of marked payees, in all their periods from the marked day on.

    Returns how many payees there were.
    """

    async def work(conn: Connection) -> int:
        marks = await store.take_marks(conn, MARKS_MAX)
        if not marks:
            return 0
        await store.lock_payees(conn, marks)
        contexts = {
            owner: replace(
                ctx,
                correlation_id=marks[owner.payee_id].correlation_id,
                origin=Origin(marks[owner.payee_id].origin),
            )
            for owner in await _owners(conn, marks, ctx.installation.calendar)
        }
        await _settle(conn, contexts, Cause("performance"))
        return len(marks)

    return await database.transact(work)


async def explain_in(
    conn: Connection, calendar: FiscalCalendar, owner: PayeePeriod
) -> Sequence[Explained]:
    """Return the incentives of a payee and period as they stand, and the deals behind them."""
    heads = await store.heads(conn, [owner])
    dues = await _dues(conn, calendar, [owner])
    deals = await credits_ledger.deals(conn, rules.counted(dues))
    places = {due.key: place for place, due in enumerate(dues)}
    posted = await queries.posted(conn, owner)
    explained = []
    for head in heads:
        parts: tuple[Part, ...] = ()
        if (place := places.get(head.key)) is not None:
            own = deals.get(place, ())
            parts = tuple(rules.parts(dues[place], head.incentive, own))
        nothing = Money.zero(head.incentive.amount.currency)
        explained.append(Explained(head, posted.get(head.key, nothing), parts))
    return explained


async def _settle(conn: Connection, contexts: Contexts, cause: Cause) -> None:
    """Bring the incentives of payees that are locked to what they should be."""
    if not contexts:
        return
    owners = sorted(contexts)
    calendar = contexts[owners[0]].installation.calendar
    heads = await store.heads(conn, owners)
    dues = await _dues(conn, calendar, owners)
    changes = list(rules.settled(heads, await _calculated(conn, dues)))
    if changes:
        await _post(conn, changes, contexts, cause)


async def _dues(
    conn: Connection, calendar: FiscalCalendar, owners: Sequence[PayeePeriod]
) -> Sequence[Due]:
    """Return the components that are in force for these payees in these periods."""
    periods = [calendar.named(owner.period) for owner in owners]
    holdings = [
        Holding(owner.payee_id, named.period) for owner, named in zip(owners, periods, strict=True)
    ]
    return [
        Due(
            key=Key(*owners[found.place], found.plan_id, component.key),
            plan_version=found.version.number,
            currency=found.version.currency,
            component=component,
            spans=found.spans,
        )
        for found in await plans.in_force(conn, holdings)
        for component in found.version.components
        if component.period is periods[found.place].kind
    ]


async def _calculated(conn: Connection, dues: Sequence[Due]) -> Mapping[Key, tuple[int, Incentive]]:
    """Return (version of the plan, incentive) for all that has facts or a target."""
    if not dues:
        return {}
    counted = rules.counted(dues)
    sums = await credits_ledger.sums(conn, counted)
    foreign = {
        place
        for place, amounts in sums.items()
        if any(money.currency != dues[place].currency for money in amounts)
    }
    others = await credits_ledger.deals(conn, [wish for wish in counted if wish.place in foreign])
    aims = [rules.aim_of(due) for due in dues]
    figures = await quotas.figures(conn, set(aims))
    found = {}
    for place, due in enumerate(dues):
        measured = rules.measured(
            due, sums.get(place), others.get(place, ()), figures.get(aims[place])
        )
        if measured is not None:
            found[due.key] = due.plan_version, calculate(due.component, measured)
    return found


async def _post(
    conn: Connection,
    changes: Sequence[tuple[Head | None, Head]],
    contexts: Contexts,
    cause: Cause,
) -> None:
    entries = []
    for before, after in changes:
        ctx, key = contexts[after.key.owner], after.key
        entries += [
            Entry(
                id=ctx.event_id(f"entry of tier {tier}", key.id),
                key=key,
                plan_version=after.plan_version,
                tier=tier,
                amount=amount,
                cause=cause,
                correlation_id=ctx.correlation_id,
                posted_at=ctx.now,
            )
            for tier, amount in rules.differences(before, after)
        ]
    events = outbox.rows(
        (contexts[after.key.owner], rules.told(before, after)) for before, after in changes
    )
    await store.post(conn, [after for _, after in changes], entries, events)


async def _owners(
    conn: Connection, marks: Mapping[UUID, Mark], calendar: FiscalCalendar
) -> Iterable[PayeePeriod]:
    """Return all quarters, from the marked days on, in which marked payees may be due anything."""
    found = await store.owners(conn, marks)
    found |= {PayeePeriod(*row) for row in await quotas.periods(conn, list(marks))}
    since = {payee_id: mark.since for payee_id, mark in marks.items()}
    for payee_id, (first, last) in (await credits_ledger.extents(conn, since)).items():
        quarter = calendar.quarter(first)
        while quarter.period.start <= last:
            found.add(PayeePeriod(payee_id, quarter.name))
            quarter = calendar.next(quarter)
    periods = {owner.period: calendar.named(owner.period) for owner in found}
    return [
        owner
        for owner in found
        if periods[owner.period].kind is PeriodKind.QUARTER
        and periods[owner.period].period.end > since[owner.payee_id]
    ]


def _mark(payee_id: UUID, since: date, ctx: Context) -> Mark:
    return Mark(payee_id, since, ctx.correlation_id, ctx.origin.value)
