"""What can be asked of incentives: to be worked out again, at once or later, and explained.

Whatever pay depends on is written first; then the payees are locked; then everything is read. So
the order in which facts, targets and plans arrive never matters. Who is paid on a unit is looked
up, and changed, under the unit's lock, which is taken before any payee's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.performance.assignments import queries as assignments
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
    Taken,
)
from services.performance.plans import queries as plans
from services.performance.plans.queries import Holding
from services.performance.quotas import queries as quotas
from shared.audit.model import Change
from shared.context import Context, Origin
from shared.db import FAULT, Connection, Database, DatabaseUnavailable
from shared.errors import NotFound, PharosError
from shared.events import outbox
from shared.events.envelope import Event
from shared.failpoints import reach
from shared.logs import logger
from shared.money import Money
from shared.period import FiscalCalendar, PeriodKind

log = logger(__name__)

AT_ONCE_MAX = 500
MARKS_MAX = 50
REASON_LENGTH_MAX = 500
FAULTS = (
    PharosError,
    FAULT,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)
"""What one payee's data can do to a calculation; anything else is no fault of a payee."""


class RecalculationNotFound(NotFound):
    """Only who was set aside is taken up again."""

    en = "The recalculation of {payee_id} was not set aside."
    zh = "{payee_id} 的重算没有被搁置。"


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
        await store.lock_many(conn, {owner.payee_id for owner in contexts})
        await _settle(conn, contexts, cause)
        return
    marks: dict[UUID, Mark] = {}
    for owner, ctx in contexts.items():
        since = ctx.installation.calendar.named(owner.period).period.start
        mark = _mark(owner.payee_id, since, ctx)
        marks[owner.payee_id] = _both(marks.get(owner.payee_id), mark)
    await store.mark(conn, marks.values())


async def lock_units_in(conn: Connection, unit_ids: Collection[UUID]) -> None:
    """Lock units against each other: what they reached, and who is paid on it.

    Before looking up who is paid on a unit, and before changing who is. Otherwise an assignment
    that commits between the look-up and the commit of what was reached would be lost.
    """
    if unit_ids:
        await store.lock_many(conn, unit_ids)


async def put_off_in(conn: Connection, ctx: Context, since: Mapping[UUID, date]) -> None:
    """Mark payees to be worked out again from a day on; ``recalculate_marked`` does it."""
    if since:
        await store.mark(conn, [_mark(payee_id, day, ctx) for payee_id, day in since.items()])


async def put_off_everybody_in(conn: Connection, ctx: Context) -> None:
    """Mark all who were ever paid; where everything is as it was, nothing will be posted."""
    await put_off_in(conn, ctx, await assignments.first_days(conn))


async def recalculate_marked(database: Database, ctx: Context) -> int:
    """Work out again a batch of marked payees, in all their periods from the marked day on.

    What cannot be worked out for one payee must not keep the others waiting: a batch that fails
    is tried again payee by payee, and who fails alone is set aside with the reason, until a new
    mark. Whoever takes too long, or is locked, only waits. Returns how many marks were worked off
    or set aside; raises DatabaseUnavailable when nobody's could be.
    """
    taken: dict[UUID, Mark] = {}
    try:
        return await _work_off(database, ctx, taken)
    except DatabaseUnavailable:
        if len(taken) <= 1:  # there is nobody else to go on with
            raise
    except FAULTS:
        log.exception("recalculation_failed", payees=len(taken))
    return await _work_off_each(database, ctx, sorted(taken))


async def retry(conn: Connection, ctx: Context, *, payee_id: UUID) -> Taken:
    """Work out again a payee who was set aside; raises RecalculationNotFound."""
    since = await store.retry(conn, payee_id)
    if since is None:
        raise RecalculationNotFound(payee_id=payee_id)
    before, after = ({"since": since, "state": state} for state in ("set_aside", "waiting"))
    change = Change("recalculation", "retried", str(payee_id), None, before, after)
    await outbox.note(conn, ctx, change)
    return Taken(payee_id, since)


async def _work_off_each(database: Database, ctx: Context, payee_ids: Sequence[UUID]) -> int:
    done, waits = 0, None
    for payee_id in payee_ids:
        try:
            done += await _work_off_alone(database, ctx, payee_id)
        except DatabaseUnavailable as error:
            log.warning("payee_waits", payee_id=payee_id)
            waits = error
    if waits is not None and not done:
        raise waits
    return done


async def _work_off_alone(database: Database, ctx: Context, payee_id: UUID) -> int:
    taken: dict[UUID, Mark] = {}
    try:
        return await _work_off(database, ctx, taken, payee_id)
    except DatabaseUnavailable:
        raise
    except FAULTS as error:
        log.exception("payee_set_aside", payee_id=payee_id)
        reason = f"{type(error).__name__}: {error}"[:REASON_LENGTH_MAX]
    marks = list(taken.values())
    await database.transact(lambda conn: store.set_aside(conn, marks, ctx.now, reason))
    return len(marks)


async def _work_off(
    database: Database, ctx: Context, taken: dict[UUID, Mark], payee_id: UUID | None = None
) -> int:
    """Work off marks, those of one payee if named; ``taken`` holds them even where it fails."""

    async def work(conn: Connection) -> int:
        marks = await store.take_marks(conn, MARKS_MAX, payee_id)
        taken.clear()
        taken.update(marks)
        if not marks:
            return 0
        await reach("recalculation.taken")
        await store.lock_many(conn, marks)
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
    asked = [wish for wish in counted if wish.place in foreign]
    others = await credits_ledger.deals(conn, asked) if asked else {}
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
                id=ctx.event_id(f"entry of tier {tier}", key.id, after.version),
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
    await reach("incentives.posting")
    await store.post(conn, [after for _, after in changes], entries, events)
    await reach("incentives.posted")


async def _owners(
    conn: Connection, marks: Mapping[UUID, Mark], calendar: FiscalCalendar
) -> Iterable[PayeePeriod]:
    """Return all quarters, from the marked days on, in which marked payees may be due anything."""
    found = await store.owners(conn, marks)
    found |= {PayeePeriod(*row) for row in await quotas.periods(conn, list(marks))}
    since = {payee_id: mark.since for payee_id, mark in marks.items()}
    for payee_id, days in (await credits_ledger.days(conn, since)).items():
        found |= {PayeePeriod(payee_id, calendar.quarter(day).name) for day in days}
    periods = {owner.period: calendar.named(owner.period) for owner in found}
    return [
        owner
        for owner in found
        if periods[owner.period].kind is PeriodKind.QUARTER
        and periods[owner.period].period.end > since[owner.payee_id]
    ]


def _both(before: Mark | None, after: Mark) -> Mark:
    """Return two marks of a payee as one: from the earlier day, for the last cause.

    What happened live is told as live, whatever imported history comes after it.
    """
    if before is None:
        return after
    kept = before if before.origin == Origin.LIVE else after
    last = after if after.origin == Origin.LIVE else kept
    return replace(last, since=min(before.since, after.since))


def _mark(payee_id: UUID, since: date, ctx: Context) -> Mark:
    return Mark(payee_id, since, ctx.correlation_id, ctx.origin.value)
