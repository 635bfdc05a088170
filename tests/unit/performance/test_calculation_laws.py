"""What holds for every plan and every amount."""

from decimal import Decimal
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from services.performance.incentives.engine.calculation import brought, calculate
from services.performance.incentives.model import Measured
from services.performance.plans.model import (
    Boundary,
    Bounds,
    Commission,
    RateTable,
    Tier,
    TierMode,
)
from shared.money import Money, Rounding
from shared.ratio import Ratio
from tests.unit.performance.tables import commission

CENT = Decimal("0.01")

amounts = st.decimals("-99999.99", "999999.99", places=2)
gains = st.decimals("0", "999999.99", places=2)
quotas = st.none() | st.decimals("0", "99999.99", places=2)
rates = st.decimals("0", "10", places=6)
steps = st.lists(st.decimals("0.000001", "50000", places=6), max_size=4)


@st.composite
def tables(draw: st.DrawFn, bounds: Bounds | None = None, *, rising: bool = False) -> RateTable:
    starts = [Decimal(0), *accumulate(draw(steps))]
    paid = draw(st.lists(rates, min_size=len(starts), max_size=len(starts)))
    tiers = tuple(
        Tier(start, end, Ratio(rate))
        for start, end, rate in zip(
            starts, [*starts[1:], None], sorted(paid) if rising else paid, strict=True
        )
    )
    mode = draw(st.sampled_from(TierMode))
    return RateTable(
        mode, draw(st.sampled_from(Boundary)), bounds or draw(st.sampled_from(Bounds)), tiers
    )


@st.composite
def components(draw: st.DrawFn) -> Commission:
    without = draw(st.none() | tables(Bounds.AMOUNT))
    return commission(draw(tables()), without, draw(st.sampled_from(Rounding)))


def facts(amount: Decimal, quota: Decimal | None) -> Measured:
    held = None if quota is None else Money(quota, "CNY")
    return Measured(Money(amount, "CNY"), held)


def total(parts: list[Money]) -> Money:
    return sum(parts, Money.zero("CNY"))


@given(components(), amounts, quotas)
def test_the_lines_sum_to_the_rounded_whole(
    component: Commission, amount: Decimal, quota: Decimal | None
) -> None:
    incentive = calculate(component, facts(amount, quota))
    exact = total([line.exact for line in incentive.lines])
    assert incentive.amount == total([line.amount for line in incentive.lines])
    assert incentive.amount == exact.rounded(component.rounding)
    assert incentive.amount.is_rounded


@given(components(), amounts, quotas)
def test_the_slices_sum_to_what_was_measured_wherever_anything_is_paid(
    component: Commission, amount: Decimal, quota: Decimal | None
) -> None:
    incentive = calculate(component, facts(amount, quota))
    if [note.code for note in incentive.notes] != ["nothing_without_quota"]:
        assert total([line.slice for line in incentive.lines]).amount == amount


@given(components(), st.lists(amounts, max_size=8), quotas)
def test_what_the_deals_brought_sums_to_what_is_paid_for_them_all(
    component: Commission, deals: list[Decimal], quota: Decimal | None
) -> None:
    measured = facts(sum(deals, Decimal(0)), quota)
    parts = brought(component, measured, [Money(deal, "CNY") for deal in deals])
    assert total(list(parts)) == calculate(component, measured).amount
    assert all(part.is_rounded for part in parts)


@given(tables(Bounds.AMOUNT, rising=True), gains, gains)
def test_who_sells_more_earns_no_less_where_rates_rise(
    table: RateTable, one: Decimal, other: Decimal
) -> None:
    less, more = sorted((one, other))
    plan = commission(table)
    assert calculate(plan, facts(less, None)).amount <= calculate(plan, facts(more, None)).amount


@given(tables(Bounds.AMOUNT), st.data())
def test_a_marginal_table_has_no_cliff_at_its_bounds(table: RateTable, data: st.DataObject) -> None:
    marginal = RateTable(TierMode.MARGINAL, table.boundary, table.bounds, table.tiers)
    bound = data.draw(st.sampled_from([tier.start for tier in marginal.tiers]))
    plan = commission(marginal)
    below, at = (
        total([line.exact for line in calculate(plan, facts(amount, None)).lines])
        for amount in (max(bound - CENT, Decimal(0)), bound)
    )
    # A cent more of sales brings at most ten cents, the highest rate.
    assert Money.zero("CNY") <= at - below <= Money(CENT * 10, "CNY")


@given(tables(Bounds.AMOUNT), gains)
def test_the_boundary_switch_matters_on_a_bound_of_a_whole_table_and_nowhere_else(
    table: RateTable, amount: Decimal
) -> None:
    by_from = RateTable(table.mode, Boundary.FROM, table.bounds, table.tiers)
    by_to = RateTable(table.mode, Boundary.TO, table.bounds, table.tiers)
    one, other = (
        [
            (line.tier, line.slice, line.amount)
            for line in calculate(commission(switched), facts(amount, None)).lines
        ]
        for switched in (by_from, by_to)
    )
    on_a_bound = amount in {tier.start for tier in table.tiers}
    assert one == other or (table.mode is TierMode.WHOLE and on_a_bound)
