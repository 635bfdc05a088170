"""What must be worked out for whom, and what must be posted so that the ledger says it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.performance.credits.model import Counted, DealCredit
from services.performance.incentives.engine.calculation import brought
from services.performance.incentives.model import (
    Due,
    Head,
    Incentive,
    Key,
    LeftOut,
    Measured,
    Part,
)
from services.performance.plans.model import OwnCredits
from services.performance.quotas.model import Aim, Figures
from shared.contracts.contract import MoneyValue
from shared.contracts.performance import IncentiveRecalculated
from shared.contracts.targets import ScopeKind
from shared.money import Money


def aim_of(due: Due) -> Aim:
    """Return the target that is the quota of a component: the payee's own, or the unit's."""
    measure = due.component.measure
    if isinstance(measure, OwnCredits):
        scope, scope_id = ScopeKind.MEMBER, due.key.payee_id
    else:
        scope, scope_id = ScopeKind.UNIT, measure.unit_id
    return Aim(scope, scope_id, measure.metric, due.key.period, due.currency)


def counted(dues: Sequence[Due]) -> Sequence[Counted]:
    """Return which credits are counted for these components; the place is the component's."""
    return [
        Counted(place, due.key.payee_id, due.component.measure.metric, span)
        for place, due in enumerate(dues)
        if isinstance(due.component.measure, OwnCredits)
        for span in due.spans
    ]


def measured(
    due: Due,
    sums: Sequence[Money] | None,
    others: Iterable[DealCredit],
    figures: Figures | None,
) -> Measured | None:
    """Return what a component measures, None where there is neither a fact nor a target.

    A unit without a target measures nothing, and the statement says that there is none; its
    actual is told with its target. ``sums`` are the payee's credits by currency, None without
    any; ``others`` the deals among them in another currency than the plan's.
    """
    is_own = isinstance(due.component.measure, OwnCredits)
    if is_own and sums is None and figures is None:
        return None
    amount = Money.zero(due.currency)
    if is_own:
        own = (money for money in sums or () if money.currency == due.currency)
        amount = sum(own, amount)
    elif figures is not None:
        amount = Money(figures.actual, due.currency)
    quota = None
    if figures is not None and figures.value is not None:
        quota = Money(figures.value, due.currency)
    return Measured(amount, quota, tuple(left_out(others, due.currency)))


def left_out(deals: Iterable[DealCredit], currency: str) -> Iterator[LeftOut]:
    """Yield, by currency, what is not counted because it is not in the plan's."""
    found: dict[str, list[Money]] = {}
    for deal in deals:
        if deal.amount.currency != currency:
            found.setdefault(deal.amount.currency, []).append(deal.amount)
    for other, amounts in sorted(found.items()):
        yield LeftOut(sum(amounts, Money.zero(other)), len(amounts))


def settled(
    heads: Iterable[Head], wanted: Mapping[Key, tuple[int, Incentive]]
) -> Iterator[tuple[Head | None, Head]]:
    """Yield (before, after) for each incentive that is not yet what it should be.

    ``wanted`` holds (version of the plan, incentive). What is there and wanted no longer, as when
    a new version of a plan drops a component, is taken back to nothing.
    """
    known = {head.key: head for head in heads}
    for key in sorted(known.keys() | wanted.keys()):
        before = known.get(key)
        if before is None:
            number, incentive = wanted[key]
            yield None, Head(key, number, 1, incentive)
            continue
        number, incentive = wanted.get(key) or (before.plan_version, _nothing(before))
        if (before.plan_version, before.incentive) != (number, incentive):
            yield before, Head(key, number, before.version + 1, incentive)


def _nothing(head: Head) -> Incentive:
    zero = Money.zero(head.incentive.amount.currency)
    return Incentive(zero, Measured(zero, None), None, (), ())


def differences(before: Head | None, after: Head) -> Iterator[tuple[int, Money]]:
    """Yield (tier, amount) for every tier whose line moved, and by how much."""
    old = {} if before is None else before.incentive.by_tier()
    new = after.incentive.by_tier()
    zero = Money.zero(after.incentive.amount.currency)
    for tier in sorted(old.keys() | new.keys()):
        difference = new.get(tier, zero) - old.get(tier, zero)
        if difference:
            yield tier, difference


def told(before: Head | None, after: Head) -> IncentiveRecalculated:
    """Return the event that tells of an incentive and how far it moved."""
    incentive, key = after.incentive, after.key
    amount = incentive.amount
    difference = amount if before is None else amount - before.incentive.amount
    quota, attainment = incentive.measured.quota, incentive.attainment
    return IncentiveRecalculated(
        version=after.version,
        incentive_id=key.id,
        payee_id=key.payee_id,
        plan_id=key.plan_id,
        plan_version=after.plan_version,
        component=key.component,
        period=key.period,
        amount=MoneyValue.of(amount),
        difference=MoneyValue.of(difference),
        measured=incentive.measured.amount.amount,
        quota=None if quota is None else quota.amount,
        attainment=None if attainment is None else attainment.value,
    )


def parts(due: Due, incentive: Incentive, deals: Iterable[DealCredit]) -> Iterator[Part]:
    """Yield the deals behind an incentive in order, and what each brought."""
    own = [deal for deal in deals if deal.amount.currency == due.currency]
    commissions = brought(due.component, incentive.measured, [deal.amount for deal in own])
    cumulative = Money.zero(due.currency)
    for deal, commission in zip(own, commissions, strict=True):
        cumulative += deal.amount
        yield Part(deal.fact_id, deal.occurred_on, deal.amount, cumulative, commission)
