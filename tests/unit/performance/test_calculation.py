"""What is due for what was measured: tables of cases."""

import pytest

from services.performance.incentives.engine.calculation import brought, calculate
from services.performance.incentives.model import LeftOut, Measured
from services.performance.plans.model import Boundary, Bounds, RateTable, TierMode
from shared.money import Money, Rounding
from shared.ratio import Ratio
from tests.unit.performance.tables import MAVEN, commission, measured, table

GRID = {"0": "0.05", "100000": "0.08"}


@pytest.mark.parametrize(
    ("amount", "due"),
    [
        ("0", "0.00"),
        ("100000", "5000.00"),
        ("100000.01", "5000.00"),
        ("100000.07", "5000.01"),
        ("150000", "9000.00"),
    ],
)
def test_only_the_slice_above_a_threshold_earns_the_higher_rate(amount: str, due: str) -> None:
    assert calculate(commission(table(GRID)), measured(amount)).amount.text == due


@pytest.mark.parametrize(
    ("amount", "boundary", "due"),
    [
        ("99999.99", Boundary.FROM, "5000.00"),
        ("100000", Boundary.FROM, "8000.00"),
        ("100000", Boundary.TO, "5000.00"),
        ("100000.01", Boundary.TO, "8000.00"),
        ("0", Boundary.FROM, "0.00"),
        ("0.01", Boundary.TO, "0.00"),
    ],
)
def test_in_whole_tiers_the_boundary_switch_says_which_rate_all_of_it_earns(
    amount: str, boundary: Boundary, due: str
) -> None:
    whole = table(GRID, mode=TierMode.WHOLE, boundary=boundary)
    assert calculate(commission(whole), measured(amount)).amount.text == due


@pytest.mark.parametrize("boundary", list(Boundary))
def test_in_marginal_tiers_the_bound_itself_pays_the_same_on_either_side(
    boundary: Boundary,
) -> None:
    plan = commission(table(GRID, boundary=boundary))
    assert calculate(plan, measured("100000")).amount.text == "5000.00"


@pytest.mark.parametrize(
    ("amount", "quota", "due", "attainment"),
    [
        ("90000", "100000", "4500.00", "0.900000"),
        ("100000", "100000", "5000.00", "1.000000"),
        ("150000", "100000", "9000.00", "1.500000"),
        ("150000", None, "7500.00", None),
        ("150000", "0", "7500.00", None),
        ("0", "100000", "0.00", "0.000000"),
        ("1", "3", "0.05", "0.333333"),
    ],
)
def test_five_percent_up_to_the_target_eight_above_and_five_on_all_without_one(
    amount: str, quota: str | None, due: str, attainment: str | None
) -> None:
    incentive = calculate(MAVEN, measured(amount, quota))
    assert incentive.amount.text == due
    assert incentive.attainment == (None if attainment is None else Ratio(attainment))


def test_bounds_by_shares_of_a_quota_are_multiplied_out_exactly() -> None:
    # A third of 100.00 is 33.3333 with four decimals: 33.3333 × 1 % + 66.6667 × 10 % = 7.000003
    thirds = table({"0": "0.01", "0.333333": "0.10"}, bounds=Bounds.SHARE_OF_QUOTA)
    incentive = calculate(commission(thirds), measured("100", "100"))
    assert [line.slice.text for line in incentive.lines] == ["33.3333", "66.6667"]
    assert [line.amount.text for line in incentive.lines] == ["0.33", "6.67"]
    assert incentive.amount.text == "7.00"


def test_the_lines_are_rounded_by_cumulative_difference_and_sum_to_the_whole() -> None:
    # Each slice alone would round 0.005 up, three times; the whole is 0.015, so 0.02.
    steps = commission(table({"0": "0.05", "0.10": "0.05", "0.20": "0.05"}))
    incentive = calculate(steps, measured("0.30"))
    assert [line.exact.text for line in incentive.lines] == ["0.005", "0.005", "0.005"]
    assert [line.amount.text for line in incentive.lines] == ["0.01", "0.00", "0.01"]
    assert incentive.amount.text == "0.02"


@pytest.mark.parametrize(
    ("rounding", "due"), [(Rounding.HALF_UP, "0.03"), (Rounding.HALF_EVEN, "0.02")]
)
def test_half_a_cent_goes_where_the_plan_says(rounding: Rounding, due: str) -> None:
    plan = commission(table({"0": "0.05"}), rounding=rounding)
    assert calculate(plan, measured("0.50")).amount.text == due


@pytest.mark.parametrize("mode", list(TierMode))
def test_less_than_nothing_is_the_mirror_image_of_the_first_tier(mode: TierMode) -> None:
    incentive = calculate(commission(table(GRID, mode=mode)), measured("-1000"))
    assert incentive.amount.text == "-50.00"
    assert [line.words.en for line in incentive.lines] == ["-1000.00, less than nothing, at 5.00%"]


def test_each_line_says_how_to_work_it_out_by_hand() -> None:
    lines = calculate(commission(table(GRID)), measured("150000")).lines
    assert [(line.words.en, line.amount.text) for line in lines] == [
        ("100000.00 above 0.00 at 5.00%", "5000.00"),
        ("50000.00 above 100000.00 at 8.00%", "4000.00"),
    ]
    assert lines[1].words.zh == "100000.00 以上部分 50000.00，按 8.00%"


def test_a_whole_tier_says_in_which_range_everything_lies() -> None:
    plan = commission(table(GRID | {"200000": "0.123456"}, mode=TierMode.WHOLE))
    (line,) = calculate(plan, measured("150000")).lines
    assert line.words.en == ("150000.00 in all, from 100000.00 up to, without 200000.00, at 8.00%")
    assert line.words.zh == "全额 150000.00，在 100000.00（含）至 200000.00（不含），按 8.00%"
    (line,) = calculate(plan, measured("200000")).lines
    assert line.words.en == "200000.00 in all, from 200000.00, at 12.3456%"
    assert line.words.zh == "全额 200000.00，在 200000.00（含）以上，按 12.3456%"


def test_a_whole_tier_says_by_the_boundary_switch_which_bound_belongs_to_it() -> None:
    whole = table(GRID | {"200000": "0.10"}, mode=TierMode.WHOLE, boundary=Boundary.TO)
    (line,) = calculate(commission(whole), measured("200000")).lines
    assert line.words.en == "200000.00 in all, above 100000.00 up to, with 200000.00, at 8.00%"
    assert line.words.zh == "全额 200000.00，在 100000.00（不含）至 200000.00（含），按 8.00%"
    (line,) = calculate(commission(whole), measured("200000.01")).lines
    assert line.words.en == "200000.01 in all, above 200000.00, at 10.00%"
    assert line.words.zh == "全额 200000.01，在 200000.00（不含）以上，按 10.00%"


def test_a_tier_that_pays_nothing_has_its_line_so_that_the_slices_sum_to_the_measure() -> None:
    threshold = commission(table({"0": "0", "1000": "0.10"}))
    lines = calculate(threshold, measured("1500")).lines
    assert [(line.slice.text, line.amount.text) for line in lines] == [
        ("1000.00", "0.00"),
        ("500.00", "50.00"),
    ]


def test_without_a_quota_and_without_a_table_for_it_nothing_is_paid_and_the_reason_stands() -> None:
    shares = commission(table({"0": "0.05"}, bounds=Bounds.SHARE_OF_QUOTA))
    incentive = calculate(shares, measured("1000"))
    assert (incentive.amount.text, incentive.lines) == ("0.00", ())
    assert [note.code for note in incentive.notes] == ["nothing_without_quota"]


def test_the_table_for_no_quota_is_named_as_such() -> None:
    assert [note.code for note in calculate(MAVEN, measured("1000")).notes] == ["without_quota"]
    assert calculate(MAVEN, measured("1000", "1000")).notes == ()


@pytest.mark.parametrize("without", [None, table({"0": "0.05"})])
def test_a_quota_of_zero_is_said_to_be_none(without: RateTable | None) -> None:
    shares = commission(table({"0": "0.05"}, bounds=Bounds.SHARE_OF_QUOTA), without)
    (note,) = calculate(shares, measured("1000", "0")).notes
    assert "or it is 0" in note.words.en
    assert "或目标为 0" in note.words.zh


def test_credits_in_another_currency_are_named_and_not_counted() -> None:
    euros = LeftOut(Money.of("1200", "EUR"), 3)
    plan = commission(table({"0": "0.05"}))
    incentive = calculate(plan, Measured(Money.of("100", "CNY"), None, (euros,)))
    assert incentive.amount.text == "5.00"
    (note,) = incentive.notes
    assert note.words.en == ("Not counted, because the plan is in CNY: 1200.00 EUR in 3 credits.")
    assert note.words.zh == "方案币种为 CNY，以下未计入：3 笔业绩，共 1200.00 EUR。"


def test_a_currency_without_cents_pays_whole_units() -> None:
    incentive = calculate(commission(table({"0": "0.05"})), measured("1010", currency="JPY"))
    assert incentive.amount.text == "51"


def test_the_deal_that_reaches_a_whole_tier_brings_the_higher_rate_for_those_before() -> None:
    # 60000 × 5 % = 3000; then 120000 × 8 % = 9600, less the 3000 already brought.
    plan = commission(table(GRID, mode=TierMode.WHOLE))
    deals = [Money.of(amount, "CNY") for amount in ("60000", "60000", "-30000")]
    parts = brought(plan, measured("90000"), deals)
    # The return takes the total back below the tier: 90000 × 5 % = 4500, less 9600.
    assert [part.text for part in parts] == ["3000.00", "6600.00", "-5100.00"]
