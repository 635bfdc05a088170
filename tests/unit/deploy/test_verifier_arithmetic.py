"""The verifier's own arithmetic: known results, and that two ways of counting agree."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.verify.arithmetic import apportioned, minor_digits, rounded, share_of
from deploy.verify.pay import Table, Tier, lines
from deploy.verify.quarters import quarter_named, quarter_of
from services.performance.incentives.engine.calculation import calculate
from services.performance.plans.model import Bounds, RateTable
from shared import money
from shared.currencies import MINOR_DIGITS
from shared.money import Money, Rounding
from shared.period import FiscalCalendar, NamedBy
from shared.ratio import Ratio
from tests.unit.performance.tables import commission
from tests.unit.performance.test_calculation_laws import amounts, facts, quotas, tables


@pytest.mark.parametrize(
    ("value", "half_up", "half_even"),
    [
        ("1.005", "1.01", "1.00"),
        ("1.015", "1.02", "1.02"),
        ("-1.005", "-1.01", "-1.00"),
        ("0.004999", "0.00", "0.00"),
        ("-0.001", "0.00", "0.00"),
        ("2.675", "2.68", "2.68"),
    ],
)
def test_half_a_cent_goes_where_the_rule_says(value: str, half_up: str, half_even: str) -> None:
    assert rounded(Fraction(value), 2, "half_up") == Decimal(half_up)
    assert rounded(Fraction(value), 2, "half_even") == Decimal(half_even)


@pytest.mark.parametrize(
    ("value", "weights", "parts"),
    [
        ("100.00", ["1", "1", "1"], ["33.34", "33.33", "33.33"]),
        ("-100.00", ["1", "1", "1"], ["-33.34", "-33.33", "-33.33"]),
        ("0.01", ["0.5", "0.5"], ["0.01", "0"]),
        ("10.00", ["0.15", "0.125", "0.725"], ["1.50", "1.25", "7.25"]),
        ("0.05", ["0", "1"], ["0", "0.05"]),
    ],
)
def test_odd_cents_go_to_the_largest_remainders(
    value: str, weights: list[str], parts: list[str]
) -> None:
    split = apportioned(Decimal(value), [Decimal(weight) for weight in weights], 2)
    assert split == [Decimal(part) for part in parts]


def test_nothing_is_a_share_of_nothing() -> None:
    assert share_of(Decimal(5), None) is None
    assert share_of(Decimal(5), Decimal(0)) is None
    assert share_of(Decimal(1), Decimal(3)) == Decimal("0.333333")


def table(mode: str, boundary: str, bounds: str = "amount") -> Table:
    """5 % up to 100, 8 % from there to 200, 10 % above."""
    tiers = (
        Tier(Fraction(0), Fraction(100), Fraction("0.05")),
        Tier(Fraction(100), Fraction(200), Fraction("0.08")),
        Tier(Fraction(200), None, Fraction("0.1")),
    )
    return Table(mode, boundary, bounds, tiers)


@pytest.mark.parametrize(
    ("mode", "boundary", "measured", "paid"),
    [
        ("marginal", "from", "100", {1: "5"}),
        ("marginal", "from", "100.01", {1: "5", 2: "0"}),
        ("marginal", "from", "250", {1: "5", 2: "8", 3: "5"}),  # 5 + 8 + 50 × 10 %
        ("marginal", "to", "-50", {1: "-2.50"}),
        ("marginal", "from", "0", {}),
        ("whole", "from", "100", {2: "8"}),
        ("whole", "to", "100", {1: "5"}),
        ("whole", "to", "100.01", {2: "8"}),  # 8.0008
        ("whole", "from", "0", {}),
        ("whole", "from", "-50", {1: "-2.50"}),
    ],
)
def test_a_table_pays_by_slices_or_as_a_whole(
    mode: str, boundary: str, measured: str, paid: dict[int, str]
) -> None:
    found = lines(table(mode, boundary), Decimal(measured), None, 2, "half_up")
    assert {line.tier: line.amount for line in found} == {t: Decimal(a) for t, a in paid.items()}


def test_shares_of_a_quota_are_multiplied_out() -> None:
    shares = Table(
        "marginal",
        "from",
        "share_of_quota",
        (
            Tier(Fraction(0), Fraction(1), Fraction("0.05")),
            Tier(Fraction(1), None, Fraction("0.08")),
        ),
    )
    found = lines(shares, Decimal(150000), Decimal(100000), 2, "half_up")
    assert [line.amount for line in found] == [Decimal(5000), Decimal(4000)]
    assert [line.slice for line in found] == [100000, 50000]
    with pytest.raises(ValueError, match="quota"):
        lines(shares, Decimal(150000), None, 2, "half_up")


# What two people wrote by the same rule, each in another way, must come to the same.


@given(st.decimals("-999999", "999999", places=6), st.sampled_from(Rounding))
def test_both_round_alike(value: Decimal, rule: Rounding) -> None:
    for currency in ("CNY", "JPY", "KWD"):
        there = Money(value, currency).rounded(rule).amount
        assert rounded(Fraction(value), minor_digits(currency), rule.value) == there


@given(
    st.decimals("-99999", "99999", places=2),
    st.lists(st.decimals("0", "1", places=6), min_size=1, max_size=6).filter(any),
)
def test_both_split_alike(value: Decimal, weights: list[Decimal]) -> None:
    assert apportioned(value, weights, 2) == money.apportioned(value, weights, 2)


@given(amounts, quotas, tables(), st.sampled_from(Rounding))
def test_both_pay_alike(
    amount: Decimal, quota: Decimal | None, rates: RateTable, rule: Rounding
) -> None:
    if rates.bounds is Bounds.SHARE_OF_QUOTA and not quota:
        return
    there = calculate(commission(rates, rounding=rule), facts(amount, quota))
    tiers = tuple(
        Tier(
            Fraction(tier.start),
            None if tier.end is None else Fraction(tier.end),
            Fraction(tier.rate.value),
        )
        for tier in rates.tiers
    )
    own = Table(rates.mode.value, rates.boundary.value, rates.bounds.value, tiers)
    here = lines(own, amount, quota, 2, rule.value)
    assert [(line.tier, line.amount) for line in here] == [
        (line.tier, line.amount.amount) for line in there.lines
    ]


@given(st.decimals("-99999", "99999", places=2), st.decimals("0", "99999", places=2))
def test_both_see_the_same_share(part: Decimal, whole: Decimal) -> None:
    there = Ratio.of(part, whole)
    assert share_of(part, whole) == (None if there is None else there.value)


@given(
    st.dates(date(1900, 1, 1), date(2200, 1, 1)),
    st.integers(1, 12),
    st.sampled_from(NamedBy),
)
def test_both_name_the_same_quarter(day: date, start_month: int, named_by: NamedBy) -> None:
    calendar = FiscalCalendar(start_month=start_month, named_by=named_by)
    there, here = calendar.quarter(day), quarter_of(calendar, day)
    assert here == (there.name, there.period.start, there.period.end)
    assert quarter_named(calendar, here.name) == here
    assert quarter_of(calendar, here.ends - timedelta(days=1)) == here
    assert quarter_of(calendar, here.ends) != here


def test_both_know_the_same_decimals() -> None:
    assert {code: minor_digits(code) for code in MINOR_DIGITS} == dict(MINOR_DIGITS)


@pytest.mark.parametrize("name", ["2025", "2025-H1", "2025-M05", "2025-Q5", ""])
def test_what_is_no_quarter_has_no_days(name: str) -> None:
    assert quarter_named(FiscalCalendar(), name) is None
