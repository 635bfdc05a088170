"""What a plan may say, and how it goes from one version to the next."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from services.performance.plans.model import (
    Assignment,
    Bounds,
    Component,
    Draft,
    Plan,
    PlanVersion,
    RateTable,
    Tier,
)
from shared.errors import Conflict, Invalid, Refused
from shared.ids import External
from shared.period import FiscalCalendar


class PlanStartsMidPeriod(Invalid):
    """Without proration a version can only take over where a quarter begins."""

    en = "A version starts on the first day of a quarter: send {before} or {after}."
    zh = "方案版本须自季度首日生效，请填写 {before} 或 {after}。"


class VersionNotLater(Refused):
    """A version in use is never edited; the next one takes over from a later day."""

    en = "The last version is in force from {valid_from}; the next one must start later."
    zh = "最近版本自 {valid_from} 起生效，下一版本的生效日必须更晚。"


class PlanCurrencyFixed(Refused):
    """What was posted in one currency cannot be held against another."""

    en = "The plan pays in {currency}, in all its versions. Make another plan for another currency."
    zh = "该方案所有版本均以 {currency} 结算，其他币种请另建方案。"


class PlanDiffers(Refused):
    """A plan in use is never edited, by whatever name it is called."""

    en = "Plan {external_id} of {source} says something else. Add a version to it instead."
    zh = "来源 {source} 的方案 {external_id} 内容不同，请改为新增版本。"


class ComponentTwice(Invalid):
    """A component is known by its key, and what it pays is posted under it."""

    en = "The key {key} names two components; give each its own."
    zh = "标识 {key} 对应两个组件，请分别命名。"


class TableStartsElsewhere(Invalid):
    """A rate table begins at nothing."""

    en = "The first tier starts from 0."
    zh = "第一档必须从 0 开始。"


class TierEmpty(Invalid):
    """A tier holds something."""

    en = "The tier ends at {end}, which is not above its start {start}."
    zh = "该档的上限 {end} 不高于下限 {start}。"


class TierGap(Invalid):
    """Between two tiers nothing is left out."""

    en = "The tier before ends at {end} and this one starts from {start}: start it from {end}."
    zh = "上一档止于 {end}，本档始于 {start}，中间有空缺，请从 {end} 开始。"


class TiersOverlap(Invalid):
    """No amount lies in two tiers."""

    en = "The tier before ends at {end} and this one starts from {start}: start it from {end}."
    zh = "上一档止于 {end}，本档始于 {start}，两档重叠，请从 {end} 开始。"


class TierOpenInside(Invalid):
    """Only the last tier can be without end."""

    en = "Only the last tier is without end; say where this one ends."
    zh = "只有最后一档可以没有上限，请填写本档的上限。"


class LastTierClosed(Invalid):
    """What lies above the last tier must be paid by some rate, if only by 0."""

    en = "The last tier is without end: send null here, or add a tier above with the rate 0."
    zh = "最后一档没有上限，请填写 null，或在其上增加一档比率为 0 的档位。"


class WithoutQuotaNeedless(Invalid):
    """A table in amounts asks for no quota."""

    en = "The table is in amounts and pays with or without a quota; send null here."
    zh = "该费率表以金额分档，与有无目标无关，请填写 null。"


class WithoutQuotaByShares(Invalid):
    """Where there is no quota, there are no shares of it."""

    en = "This table pays where there is no quota, so its bounds are amounts."
    zh = "此表用于没有目标的情形，档位必须以金额表示。"


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

    en = "Payee {payee_id} is already assigned from {valid_from} to {valid_to}."
    zh = "激励对象 {payee_id} 在 {valid_from} 至 {valid_to} 期间已分配该方案。"


def made(
    plan_id: UUID, external: External | None, name: str, draft: Draft, calendar: FiscalCalendar
) -> Plan:
    """Return a new plan with its first version."""
    return Plan(plan_id, 1, external, name, (_numbered(1, draft, calendar),))


def same(plan: Plan, name: str, draft: Draft) -> Plan:
    """Return the plan if it was made with this name and draft; raises PlanDiffers."""
    first = plan.versions[0]
    if (plan.name, _draft(first)) != (name, draft) and plan.external is not None:
        raise PlanDiffers(external_id=plan.external.id, source=plan.external.source)
    return plan


def added(plan: Plan, draft: Draft, calendar: FiscalCalendar) -> Plan:
    """Return the plan with a next version, which takes over from its first day."""
    last = plan.versions[-1]
    if draft.valid_from <= last.valid_from:
        raise VersionNotLater(valid_from=last.valid_from, pointer="/valid_from")
    if draft.currency != last.currency:
        raise PlanCurrencyFixed(currency=last.currency, pointer="/currency")
    version = _numbered(last.number + 1, draft, calendar)
    return replace(plan, version=plan.version + 1, versions=(*plan.versions, version))


def assigned(
    plan: Plan,
    payee_ids: Sequence[UUID],
    valid_from: date,
    valid_to: date | None,
    known: Iterable[Assignment],
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
    _refuse_twice(payee_ids)
    held: dict[UUID, list[Assignment]] = {}
    for assignment in known:
        held.setdefault(assignment.payee_id, []).append(assignment)
    wanted = [Assignment(plan.id, payee_id, valid_from, valid_to) for payee_id in payee_ids]
    for ordinal, wish in enumerate(wanted):
        _refuse_overlap(wish, held.get(wish.payee_id, ()), f"/payee_ids/{ordinal}")
    return [wish for wish in wanted if wish not in held.get(wish.payee_id, ())]


def _numbered(number: int, draft: Draft, calendar: FiscalCalendar) -> PlanVersion:
    quarter = calendar.quarter(draft.valid_from)
    if quarter.period.start != draft.valid_from:
        raise PlanStartsMidPeriod(
            before=quarter.period.start, after=quarter.period.end, pointer="/valid_from"
        )
    keys: set[str] = set()
    for ordinal, component in enumerate(draft.components):
        if component.key in keys:
            raise ComponentTwice(key=component.key, pointer=f"/components/{ordinal}/key")
        keys.add(component.key)
        _check_component(component, f"/components/{ordinal}")
    return PlanVersion(number, draft.valid_from, draft.currency, draft.components)


def _draft(version: PlanVersion) -> Draft:
    return Draft(version.valid_from, version.currency, version.components)


def _check_component(component: Component, at: str) -> None:
    _check_table(component.table, f"{at}/table")
    without = component.without_quota
    if without is None:
        return
    if component.table.bounds is Bounds.AMOUNT:
        raise WithoutQuotaNeedless(pointer=f"{at}/without_quota")
    if without.bounds is not Bounds.AMOUNT:
        raise WithoutQuotaByShares(pointer=f"{at}/without_quota/bounds")
    _check_table(without, f"{at}/without_quota")


def _check_table(table: RateTable, at: str) -> None:
    tiers = table.tiers
    if tiers[0].start != Decimal(0):
        raise TableStartsElsewhere(pointer=f"{at}/tiers/0/from")
    for ordinal, (tier, above) in enumerate(pairwise(tiers)):
        _check_step(tier, above, at, ordinal)
    if tiers[-1].end is not None:
        raise LastTierClosed(pointer=f"{at}/tiers/{len(tiers) - 1}/to")


def _check_step(tier: Tier, above: Tier, at: str, ordinal: int) -> None:
    if tier.end is None:
        raise TierOpenInside(pointer=f"{at}/tiers/{ordinal}/to")
    if tier.end <= tier.start:
        raise TierEmpty(start=tier.start, end=tier.end, pointer=f"{at}/tiers/{ordinal}/to")
    if above.start > tier.end:
        refusal: type[Invalid] = TierGap
    elif above.start < tier.end:
        refusal = TiersOverlap
    else:
        return
    raise refusal(start=above.start, end=tier.end, pointer=f"{at}/tiers/{ordinal + 1}/from")


def _refuse_twice(payee_ids: Sequence[UUID]) -> None:
    seen: set[UUID] = set()
    for ordinal, payee_id in enumerate(payee_ids):
        if payee_id in seen:
            raise PayeeTwice(payee_id=payee_id, pointer=f"/payee_ids/{ordinal}")
        seen.add(payee_id)


def _refuse_overlap(wish: Assignment, held: Iterable[Assignment], pointer: str) -> None:
    for other in held:
        starts_before_end = wish.valid_to is None or other.valid_from < wish.valid_to
        ends_after_start = other.valid_to is None or wish.valid_from < other.valid_to
        if other != wish and starts_before_end and ends_after_start:
            raise AssignmentsOverlap(
                payee_id=wish.payee_id,
                valid_from=other.valid_from,
                valid_to=other.valid_to or "…",
                pointer=pointer,
            )
