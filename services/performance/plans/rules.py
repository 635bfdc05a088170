"""What a plan may say, and how it goes from one version to the next."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from services.performance.assignments.model import Assignment
from services.performance.plans.model import (
    Bounds,
    Component,
    Draft,
    Plan,
    PlanVersion,
    RateTable,
    Tier,
    UnitAttainment,
)
from shared.errors import Invalid, Refused
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


class UnitByAmounts(Invalid):
    """What a unit reached is told with its target, so it can only be held against that."""

    en = "A unit's attainment is paid by shares of its target: send share_of_quota."
    zh = "团队达成按其目标的比例分档，请填写 share_of_quota。"


class UnitWithoutQuota(Invalid):
    """What a unit without a target reached is not told, so no table can pay on it."""

    en = "A unit's attainment pays nothing while the unit has no target; send null here."
    zh = "团队没有目标时，团队达成不予计发，请填写 null。"


class AssignedForPartOfQuarter(Refused):
    """A version that pays on a unit cannot follow for who is assigned for part of a quarter."""

    en = "The version pays on a unit's whole quarters, and payee {payee_id} is assigned for part \
of one, from or to {day}. Make another plan for it."
    zh = (
        "新版本按团队整季度达成计发，而激励对象 {payee_id} 的分配起止于季度中的 {day}，请另建方案。"
    )


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


def added(
    plan: Plan, draft: Draft, assignments: Iterable[Assignment], calendar: FiscalCalendar
) -> Plan:
    """Return the plan with a next version, which takes over from its first day.

    ``assignments`` are those that it holds for.
    """
    last = plan.versions[-1]
    if draft.valid_from <= last.valid_from:
        raise VersionNotLater(valid_from=last.valid_from, pointer="/valid_from")
    if draft.currency != last.currency:
        raise PlanCurrencyFixed(currency=last.currency, pointer="/currency")
    version = _numbered(last.number + 1, draft, calendar)
    if version.unit_ids:
        _refuse_parts_of_quarters(version, assignments, calendar)
    return replace(plan, version=plan.version + 1, versions=(*plan.versions, version))


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
    if isinstance(component.measure, UnitAttainment):
        if component.table.bounds is not Bounds.SHARE_OF_QUOTA:
            raise UnitByAmounts(pointer=f"{at}/table/bounds")
        if without is not None:
            raise UnitWithoutQuota(pointer=f"{at}/without_quota")
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


def _refuse_parts_of_quarters(
    version: PlanVersion, assignments: Iterable[Assignment], calendar: FiscalCalendar
) -> None:
    for held in assignments:
        for day in (held.valid_from, held.valid_to):
            if day is None or day <= version.valid_from:
                continue
            if calendar.quarter(day).period.start != day:
                raise AssignedForPartOfQuarter(payee_id=held.payee_id, day=day)
