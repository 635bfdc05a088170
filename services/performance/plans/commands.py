"""What can be asked of plans. What they change in pay is worked off behind, payee by payee."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.performance.incentives import commands as incentives
from services.performance.plans import queries, rules, store
from services.performance.plans.model import Assignment, Draft, Plan
from services.performance.plans.queries import PlanNotFound
from shared.context import Context
from shared.contracts.performance import PlanAssigned, PlanSaved
from shared.db import Connection
from shared.events import outbox
from shared.ids import External, new_id


async def make_plan(conn: Connection, ctx: Context, *, name: str, draft: Draft) -> Plan:
    """Make a plan with its first version; raises what `rules.made` refuses."""
    return await _made(conn, ctx, None, name, draft)


async def put_plan(
    conn: Connection, ctx: Context, *, external: External, name: str, draft: Draft
) -> Plan:
    """Make the plan of an external id once; the same again changes nothing, other is refused."""
    known = await store.lock(conn, external)
    if known is None:
        return await _made(conn, ctx, external, name, draft)
    return rules.same(known, name, draft)


async def add_version(conn: Connection, ctx: Context, *, plan_id: UUID, draft: Draft) -> Plan:
    """Add a version to a plan, and mark who is paid by it to be worked out again from then on."""
    plan = rules.added(await _lock(conn, plan_id), draft, ctx.installation.calendar)
    await _save(conn, ctx, plan)
    payee_ids = await queries.assigned_since(conn, plan_id, draft.valid_from)
    await incentives.put_off_in(conn, ctx, dict.fromkeys(payee_ids, draft.valid_from))
    return plan


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
    plan = await _lock(conn, plan_id)
    known = await store.assignments(conn, plan_id, payee_ids)
    added = rules.assigned(plan, payee_ids, valid_from, valid_to, known)
    if added:
        plan = replace(plan, version=plan.version + 1)
        events = outbox.rows((ctx, _assigned(plan, assignment)) for assignment in added)
        await store.assign_many(conn, plan, added, events)
        since = {assignment.payee_id: valid_from for assignment in added}
        await incentives.put_off_in(conn, ctx, since)
    return [Assignment(plan_id, payee_id, valid_from, valid_to) for payee_id in payee_ids]


async def _made(
    conn: Connection, ctx: Context, external: External | None, name: str, draft: Draft
) -> Plan:
    plan = rules.made(new_id(), external, name, draft, ctx.installation.calendar)
    await _save(conn, ctx, plan)
    return plan


async def _lock(conn: Connection, plan_id: UUID) -> Plan:
    plan = await store.lock(conn, plan_id)
    if plan is None:
        raise PlanNotFound(plan_id=plan_id)
    return plan


async def _save(conn: Connection, ctx: Context, plan: Plan) -> None:
    last = plan.versions[-1]
    told = PlanSaved(
        version=plan.version,
        plan_id=plan.id,
        plan_version=last.number,
        name=plan.name,
        valid_from=last.valid_from,
    )
    await store.save(conn, plan, outbox.rows([(ctx, told)]))


def _assigned(plan: Plan, assignment: Assignment) -> PlanAssigned:
    return PlanAssigned(
        version=plan.version,
        plan_id=plan.id,
        payee_id=assignment.payee_id,
        valid_from=assignment.valid_from,
        valid_to=assignment.valid_to,
    )
