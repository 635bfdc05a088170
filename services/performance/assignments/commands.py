"""What can be asked of assignments. What they change in pay is worked off behind."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypeAlias
from uuid import UUID

from services.performance.assignments import rules, store
from services.performance.assignments.model import Assignment
from services.performance.incentives import commands as incentives
from services.performance.plans import commands as plans
from services.performance.plans.model import Plan
from shared.audit.model import Change
from shared.auth import four_eyes, scope
from shared.auth.four_eyes import OwnBenefit
from shared.context import Context
from shared.contracts.performance import PlanAssigned
from shared.db import Connection
from shared.errors import PharosError
from shared.events import outbox

Moved: TypeAlias = tuple[Assignment, int | None]
"""An assignment as it is now, and the version that was known before, if any."""


async def assign_many(
    conn: Connection,
    ctx: Context,
    *,
    plan_id: UUID,
    payee_ids: Sequence[UUID],
    valid_from: date,
    valid_to: date | None,
) -> Sequence[Assignment]:
    """Assign a plan to payees, all or none, and mark them to be worked out from then on.

    Who is already assigned in just this way stays so. Returns the assignments as they are now.
    """
    beyond = await _beyond(conn, ctx, payee_ids)
    for place, payee_id in enumerate(payee_ids):
        if payee_id in beyond:
            raise beyond[payee_id].under(f"/payee_ids/{place}")
    plan = await plans.lock_in(conn, plan_id)
    known = await store.of_payees(conn, plan_id, payee_ids)
    calendar = ctx.installation.calendar
    added = rules.added(plan, payee_ids, valid_from, valid_to, known, calendar)
    await _assign(conn, ctx, plan, [(None, one) for one in added], valid_from)
    return [Assignment(plan_id, payee_id, valid_from, valid_to) for payee_id in payee_ids]


async def end_many(
    conn: Connection, ctx: Context, *, plan_id: UUID, payee_ids: Sequence[UUID], valid_to: date
) -> Sequence[Assignment]:
    """Give the last assignment of these payees another end, all or none.

    They are marked to be worked out from the earlier one of the old end and the new one. Who has
    this end already keeps it. Returns the assignments as they are now.
    """
    beyond = await _beyond(conn, ctx, payee_ids)
    for place, payee_id in enumerate(payee_ids):
        if payee_id in beyond:
            raise beyond[payee_id].under(f"/payee_ids/{place}")
    plan = await plans.lock_in(conn, plan_id)
    known = await store.of_payees(conn, plan_id, payee_ids)
    changes = rules.ended(plan, payee_ids, valid_to, known, ctx.installation.calendar)
    moved = [(before, after) for before, after in changes if before != after]
    await _assign(conn, ctx, plan, moved, valid_to)
    return [after for _, after in changes]


async def put_each_in(
    conn: Connection, ctx: Context, drafts: Sequence[Assignment]
) -> Sequence[Moved | PharosError]:
    """Assign plans to payees, each for itself; who has the last assignment gets the wished end.

    Returns the assignments as they are now with the version that was known before, if any, or the
    refusals. Plans are locked in the order of their ids.
    """
    results: dict[int, Moved | PharosError] = {}
    places: dict[UUID, list[int]] = {}
    for place, draft in enumerate(drafts):
        places.setdefault(draft.plan_id, []).append(place)
    for plan_id in sorted(places):
        try:
            plan = await plans.lock_in(conn, plan_id)
        except PharosError as error:
            results |= dict.fromkeys(places[plan_id], error.under("/plan_id"))
            continue
        wanted = [drafts[place] for place in places[plan_id]]
        put = await _put_each(conn, ctx, plan, wanted)
        results |= dict(zip(places[plan_id], put, strict=True))
    return [results[place] for place in range(len(drafts))]


async def _beyond(
    conn: Connection, ctx: Context, payee_ids: Sequence[UUID]
) -> Mapping[UUID, PharosError]:
    """Return by payee why the asker may not decide on the pay: out of reach, or the own one."""
    refusals: dict[UUID, PharosError] = {
        payee_id: OwnBenefit(pointer="")
        for payee_id in await four_eyes.own(conn, ctx, set(payee_ids), set())
    }
    outside = await scope.members_outside(conn, scope.sight(ctx), payee_ids)
    for payee_id in set(payee_ids) & outside:
        refusals[payee_id] = scope.refused(ctx, "")
    return refusals


async def _put_each(
    conn: Connection, ctx: Context, plan: Plan, drafts: Sequence[Assignment]
) -> Sequence[Moved | PharosError]:
    payee_ids = list({draft.payee_id for draft in drafts})
    known = {one.id: one for one in await store.of_payees(conn, plan.id, payee_ids)}
    changes: list[tuple[Assignment | None, Assignment]] = []
    results: list[Moved | PharosError] = []
    beyond = await _beyond(conn, ctx, payee_ids)
    for draft in drafts:
        if draft.payee_id in beyond:
            results.append(beyond[draft.payee_id].under("/payee_id"))
            continue
        before = known.get(draft.id)
        try:
            after = rules.put(plan, draft, list(known.values()), ctx.installation.calendar)
        except PharosError as error:
            results.append(error)
            continue
        if after != before:
            changes.append((before, after))
            known[after.id] = after
        results.append((after, None if before is None else before.version))
    await _assign(conn, ctx, plan, changes, None)
    return results


async def _assign(
    conn: Connection,
    ctx: Context,
    plan: Plan,
    changes: Sequence[tuple[Assignment | None, Assignment]],
    since: date | None,
) -> None:
    """Write assignments that are new or changed, and mark their payees to be worked out again.

    They are from ``since`` on, from an earlier end on where there was one. Without ``since`` a new
    one counts from its first day, a changed one from the earlier one of its ends.
    """
    if not changes:
        return
    await incentives.lock_units_in(conn, plan.unit_ids)
    told = [_change(before, after) for before, after in changes]
    await store.save_many(conn, [after for _, after in changes], outbox.changes(ctx, told))
    days: dict[UUID, date] = {}
    for before, after in changes:
        day = since or (after.valid_from if before is None else after.valid_to or after.valid_from)
        if before is not None:
            day = min(before.valid_to or day, day)
        days[after.payee_id] = min(day, days.get(after.payee_id, day))
    await incentives.put_off_in(conn, ctx, days)


def _change(before: Assignment | None, after: Assignment) -> Change:
    return Change.told(before, after, _assigned(after), noun="plan_assignment")


def _assigned(assignment: Assignment) -> PlanAssigned:
    return PlanAssigned(
        version=assignment.version,
        assignment_id=assignment.id,
        plan_id=assignment.plan_id,
        payee_id=assignment.payee_id,
        valid_from=assignment.valid_from,
        valid_to=assignment.valid_to,
    )
