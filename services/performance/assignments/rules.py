"""Who may be paid by a plan, and on which days."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.performance.assignments.model import Assignment
from services.performance.plans.model import Plan
from shared.errors import Conflict, Invalid, Refused
from shared.period import FiscalCalendar


class AssignedMidPeriod(Invalid):
    """A unit's attainment is of whole quarters, and quotas are not prorated."""

    en = "The plan pays on a unit's quarters, which are not prorated: send {before} or {after}."
    zh = "该方案按团队整季度达成计发，不按天折算，请填写 {before} 或 {after}。"


class PayeeNotAssigned(Refused):
    """Only what was assigned can end."""

    en = "Payee {payee_id} was never assigned to this plan; leave it out."
    zh = "激励对象 {payee_id} 从未分配该方案，请从请求中删除。"


class AssignedBeforePlan(Invalid):
    """Nobody is paid by a plan before it says anything."""

    en = "The plan is in force from {valid_from}; assign it from that day or a later one."
    zh = "该方案自 {valid_from} 起生效，请从当日或之后开始分配。"


class AssignmentEmpty(Invalid):
    """An assignment holds at least a day."""

    en = "The assignment ends after it starts; the end day is left out."
    zh = "分配的结束日必须晚于开始日，结束日当天不计入。"


class PayeeTwice(Invalid):
    """One request assigns a payee once."""

    en = "Payee {payee_id} stands twice in this request; name it once."
    zh = "激励对象 {payee_id} 在本次请求中出现两次，请只填写一次。"


class AssignmentsOverlap(Conflict):
    """A payee is paid by a plan once at a time."""

    en = "Payee {payee_id} is assigned from {valid_from} until {valid_to}: send other days."
    zh = "激励对象 {payee_id} 自 {valid_from} 起至 {valid_to}（不含）已分配该方案，请填写其他日期。"


class AssignedWithoutEnd(Conflict):
    """A payee is paid by a plan once at a time, and an assignment without end goes on."""

    en = "Payee {payee_id} is assigned from {valid_from} without end. End that assignment first."
    zh = "激励对象 {payee_id} 自 {valid_from} 起已分配该方案，长期有效，请先终止该分配。"


def added(
    plan: Plan,
    payee_ids: Sequence[UUID],
    valid_from: date,
    valid_to: date | None,
    known: Iterable[Assignment],
    calendar: FiscalCalendar,
) -> Sequence[Assignment]:
    """Return the assignments that must be added so that all these payees have one.

    ``known`` are the present assignments of these payees to the plan. A payee who already has
    exactly this one is left out.
    """
    first = plan.versions[0].valid_from
    if valid_from < first:
        raise AssignedBeforePlan(valid_from=first, pointer="/valid_from")
    if valid_to is not None and valid_to <= valid_from:
        raise AssignmentEmpty(pointer="/valid_to")
    _refuse_mid_period(plan, valid_from, "/valid_from", calendar)
    _refuse_mid_period(plan, valid_to, "/valid_to", calendar)
    _refuse_twice(payee_ids)
    held: dict[UUID, list[Assignment]] = {}
    for assignment in known:
        held.setdefault(assignment.payee_id, []).append(assignment)
    wanted = [Assignment(plan.id, payee_id, valid_from, valid_to) for payee_id in payee_ids]
    for ordinal, wish in enumerate(wanted):
        _refuse_overlap(wish, held.get(wish.payee_id, ()), f"/payee_ids/{ordinal}")
    return [
        wish
        for wish in wanted
        if not any(_same(wish, other) for other in held.get(wish.payee_id, ()))
    ]


def ended(
    plan: Plan,
    payee_ids: Sequence[UUID],
    valid_to: date,
    known: Iterable[Assignment],
    calendar: FiscalCalendar,
) -> Sequence[tuple[Assignment, Assignment]]:
    """Return (before, after) of the last assignment of each payee, which gets this end.

    ``known`` are the present assignments of these payees to the plan. What has this end already
    is the same before and after.
    """
    _refuse_mid_period(plan, valid_to, "/valid_to", calendar)
    _refuse_twice(payee_ids)
    last: dict[UUID, Assignment] = {}
    for assignment in known:
        held = last.get(assignment.payee_id, assignment)
        last[assignment.payee_id] = max(held, assignment, key=lambda one: one.valid_from)
    changes = []
    for ordinal, payee_id in enumerate(payee_ids):
        before = last.get(payee_id)
        if before is None:
            raise PayeeNotAssigned(payee_id=payee_id, pointer=f"/payee_ids/{ordinal}")
        if valid_to <= before.valid_from:
            raise AssignmentEmpty(pointer="/valid_to")
        after = replace(before, valid_to=valid_to, version=before.version + 1)
        changes.append((before, before if _same(before, after) else after))
    return changes


def put(
    plan: Plan, wish: Assignment, known: Sequence[Assignment], calendar: FiscalCalendar
) -> Assignment:
    """Return the assignment as it is wished: known, new, or the payee's last one with that end.

    ``known`` are the present assignments to the plan of this payee, and maybe of others.
    """
    own = [one for one in known if one.payee_id == wish.payee_id]
    last = max(own, key=lambda one: one.valid_from, default=None)
    begins = last is not None and last.valid_from == wish.valid_from
    if begins and wish.valid_to is not None:
        return ended(plan, [wish.payee_id], wish.valid_to, own, calendar)[0][1]
    span = wish.valid_from, wish.valid_to
    fresh = added(plan, [wish.payee_id], *span, own, calendar)
    return fresh[0] if fresh else next(one for one in own if _same(one, wish))


def _refuse_twice(payee_ids: Sequence[UUID]) -> None:
    seen: set[UUID] = set()
    for ordinal, payee_id in enumerate(payee_ids):
        if payee_id in seen:
            raise PayeeTwice(payee_id=payee_id, pointer=f"/payee_ids/{ordinal}")
        seen.add(payee_id)


def _refuse_mid_period(
    plan: Plan, day: date | None, pointer: str, calendar: FiscalCalendar
) -> None:
    if day is None or not plan.unit_ids:
        return
    quarter = calendar.quarter(day).period
    if quarter.start != day:
        raise AssignedMidPeriod(before=quarter.start, after=quarter.end, pointer=pointer)


def _same(one: Assignment, other: Assignment) -> bool:
    return (one.valid_from, one.valid_to) == (other.valid_from, other.valid_to)


def _refuse_overlap(wish: Assignment, held: Iterable[Assignment], pointer: str) -> None:
    for other in held:
        starts_before_end = wish.valid_to is None or other.valid_from < wish.valid_to
        ends_after_start = other.valid_to is None or wish.valid_from < other.valid_to
        if _same(wish, other) or not (starts_before_end and ends_after_start):
            continue
        if other.valid_to is None:
            raise AssignedWithoutEnd(
                payee_id=wish.payee_id, valid_from=other.valid_from, pointer=pointer
            )
        raise AssignmentsOverlap(
            payee_id=wish.payee_id,
            valid_from=other.valid_from,
            valid_to=other.valid_to,
            pointer=pointer,
        )
