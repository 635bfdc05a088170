"""Published calculations of the field that a commission by rate table can express."""

import json
import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.performance.incentives.engine.calculation import calculate
from services.performance.incentives.model import Measured
from services.performance.plans.model import (
    Boundary,
    Bounds,
    Commission,
    RateTable,
    Tier,
    TierMode,
)
from shared.money import Money
from shared.ratio import Ratio
from tests.unit.performance.tables import commission

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("PHAROS_TEST_DATA", ROOT.parent / "shared" / "data"))

Example = dict[str, Any]


@pytest.fixture(scope="module")
def examples() -> dict[str, Example]:
    path = DATA / "worked_examples.json"
    if not path.exists():
        pytest.skip(f"the worked examples are not here: {path} (set PHAROS_TEST_DATA)")
    found = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return {example["id"]: example for example in found}


def plan(
    rows: Iterable[Example],
    rate: str = "rate",
    *,
    scale: Decimal = Decimal(1),
    mode: TierMode = TierMode.MARGINAL,
    boundary: Boundary = Boundary.FROM,
    bounds: Bounds = Bounds.AMOUNT,
) -> Commission:
    """The published grid as a table: from zero, and without end where it ends beyond reach."""
    starts = [max(Decimal(row["from"]), Decimal(0)) * scale for row in rows]
    ends = [*starts[1:], None]
    tiers = tuple(
        Tier(start, end, Ratio(Decimal(row[rate])))
        for start, end, row in zip(starts, ends, rows, strict=True)
    )
    return commission(RateTable(mode, boundary, bounds, tiers))


def due(component: Commission, amount: Decimal, quota: Decimal | None = None) -> Decimal:
    held = None if quota is None else Money.of(quota, "USD")
    return calculate(component, Measured(Money.of(amount, "USD"), held)).amount.amount


def test_each_transaction_starts_in_the_first_tier(examples: dict[str, Example]) -> None:
    example = examples["oracle-step-rates-per-transaction"]
    steps = plan(example["inputs"]["tiers"])
    paid = [due(steps, amount) for amount in example["inputs"]["transactions"]]
    assert paid == example["expected"]["commission"]


def test_each_bracket_pays_its_own_rate(examples: dict[str, Example]) -> None:
    example = examples["referello-two-tier-marginal"]
    incentive = calculate(
        plan(example["inputs"]["tiers"]),
        Measured(Money.of(example["inputs"]["amount"], "USD"), None),
    )
    assert [line.amount.amount for line in incentive.lines] == example["expected"]["slices"]
    assert incentive.amount.amount == example["expected"]["commission"]


@pytest.mark.parametrize(
    ("boundary", "published"),
    [(Boundary.FROM, "rate_lower_inclusive"), (Boundary.TO, "rate_upper_inclusive")],
)
def test_the_boundary_switch_gives_both_published_rates(
    examples: dict[str, Example], boundary: Boundary, published: str
) -> None:
    example = examples["oracle-tier-boundary"]
    steps = plan(example["inputs"]["tiers"], mode=TierMode.WHOLE, boundary=boundary)
    amount = example["inputs"]["accumulated_amount"]
    assert due(steps, amount) == amount * example["expected"][published]


def test_the_reached_tier_gives_the_one_rate_for_everything(examples: dict[str, Example]) -> None:
    example = examples["spiff-tier-payout-rate"]
    steps = plan(example["inputs"]["tiers"], mode=TierMode.WHOLE)
    amount = example["inputs"]["amount"]
    assert due(steps, amount) == amount * example["expected"]["rate"]


@pytest.mark.parametrize(
    "name", ["gtm-hunter-80", "gtm-hunter-110", "revopsmasters-accelerator-130"]
)
def test_an_accelerator_is_a_table_by_shares_of_the_quota(
    examples: dict[str, Example], name: str
) -> None:
    # The bonus for full attainment stands for the quota: a slice of it pays slice × multiplier.
    example = examples[name]
    given, grid = example["inputs"], example["inputs"]["grid"]
    quota = Decimal(given.get("target_bonus", given.get("target_incentive")))
    reached = Decimal(given.get("attainment_pct", 0)) or Decimal(130)
    shares = plan(grid, "multiplier", scale=Decimal("0.01"), bounds=Bounds.SHARE_OF_QUOTA)
    assert due(shares, quota * reached * Decimal("0.01"), quota) == example["expected"]["payout"]


@pytest.mark.parametrize("mode", list(TierMode))
def test_the_same_grid_pays_33000_or_48000_by_the_mode_alone(
    examples: dict[str, Example], mode: TierMode
) -> None:
    example = examples["gtm-same-grid-marginal-vs-whole"]
    given = example["inputs"]
    quota = Decimal(given["target_bonus"])
    shares = plan(
        given["grid"],
        "multiplier",
        scale=Decimal("0.01"),
        mode=mode,
        boundary=Boundary.TO,
        bounds=Bounds.SHARE_OF_QUOTA,
    )
    amount = quota * given["attainment_pct"] * Decimal("0.01")
    assert due(shares, amount, quota) == example["expected"][mode.value]
