"""What can be asked of plans. What they change in pay is worked off behind, payee by payee."""

from uuid import UUID

from services.performance.assignments import queries as assignments
from services.performance.incentives import commands as incentives
from services.performance.plans import rules, store
from services.performance.plans.model import Draft, Plan
from services.performance.plans.queries import PlanNotFound
from shared.audit.model import Change
from shared.auth import four_eyes, scope
from shared.context import Context
from shared.contracts.performance import PlanSaved
from shared.db import Connection
from shared.events import outbox
from shared.ids import External, new_id


async def make_plan(conn: Connection, ctx: Context, *, name: str, draft: Draft) -> Plan:
    """Make a plan with its first version; raises what `rules.made` refuses."""
    await _check_reach(conn, ctx)
    return await _made(conn, ctx, None, name, draft)


async def put_plan(
    conn: Connection, ctx: Context, *, external: External, name: str, draft: Draft
) -> Plan:
    """Make the plan of an external id once; the same again changes nothing, other is refused."""
    await _check_reach(conn, ctx)
    known = await store.lock(conn, external)
    ctx.check(0 if known is None else known.version)
    if known is None:
        return await _made(conn, ctx, external, name, draft)
    return rules.same(known, name, draft)


async def add_version(conn: Connection, ctx: Context, *, plan_id: UUID, draft: Draft) -> Plan:
    """Add a version to a plan, and mark who is paid by it to be worked out again from then on."""
    before = await lock_in(conn, plan_id)
    await _check_reach(conn, ctx)
    ctx.check(before.version)
    held = await assignments.since(conn, plan_id, draft.valid_from)
    if await four_eyes.own(conn, ctx, {assignment.payee_id for assignment in held}, set()):
        raise four_eyes.OwnBenefit
    plan = rules.added(before, draft, held, ctx.installation.calendar)
    await incentives.lock_units_in(conn, plan.unit_ids)
    await _save(conn, ctx, before, plan)
    since = {assignment.payee_id: draft.valid_from for assignment in held}
    await incentives.put_off_in(conn, ctx, since)
    return plan


async def lock_in(conn: Connection, plan_id: UUID) -> Plan:
    """Return a plan, locked until the caller's transaction ends; raises PlanNotFound."""
    plan = await store.lock(conn, plan_id)
    if plan is None:
        raise PlanNotFound(plan_id=plan_id)
    return plan


async def _check_reach(conn: Connection, ctx: Context) -> None:
    """Refuse whoever reaches some only: a plan is for anybody."""
    if await scope.members_outside(conn, scope.sight(ctx), [None]):
        raise scope.refused(ctx)


async def _made(
    conn: Connection, ctx: Context, external: External | None, name: str, draft: Draft
) -> Plan:
    plan = rules.made(new_id(), external, name, draft, ctx.installation.calendar)
    await _save(conn, ctx, None, plan)
    return plan


async def _save(conn: Connection, ctx: Context, before: Plan | None, plan: Plan) -> None:
    last = plan.versions[-1]
    told = PlanSaved(
        version=plan.version,
        plan_id=plan.id,
        plan_version=last.number,
        name=plan.name,
        valid_from=last.valid_from,
    )
    await store.save(conn, plan, outbox.changes(ctx, [Change.told(before, plan, told)]))
