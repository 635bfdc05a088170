"""What is kept as JSON comes back as it was, and is written as rows that exist already are."""

from decimal import Decimal
from uuid import UUID

import orjson

from services.performance.incentives.engine.calculation import calculate
from services.performance.incentives.model import LeftOut, Measured
from services.performance.incentives.store import TRACE
from services.performance.plans.model import Commission, UnitAttainment
from services.performance.plans.store import COMPONENTS
from shared.contracts.targets import Metric
from shared.money import Money, Rounding
from shared.period import PeriodKind
from tests.unit.performance.tables import MAVEN, commission, table

UNIT = UUID("0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10")
TEAM = Commission(
    "团队奖",
    UnitAttainment(UNIT, Metric.REVENUE),
    PeriodKind.QUARTER,
    table({"0": "0.05"}),
    None,
    Rounding.HALF_EVEN,
)


def test_components_come_back_as_they_were() -> None:
    kept = COMPONENTS.dump_json((MAVEN, TEAM))
    assert COMPONENTS.validate_json(kept) == (MAVEN, TEAM)


def test_components_are_kept_in_this_form() -> None:
    assert orjson.loads(COMPONENTS.dump_json((TEAM,))) == [
        {
            "kind": "commission",
            "key": "团队奖",
            "measure": {"kind": "unit_attainment", "unit_id": str(UNIT), "metric": "revenue"},
            "period": "quarter",
            "table": {
                "mode": "marginal",
                "boundary": "from",
                "bounds": "amount",
                "tiers": [{"start": "0", "end": None, "rate": {"value": "0.05"}}],
            },
            "without_quota": None,
            "rounding": "half_even",
        }
    ]


def test_an_incentive_comes_back_with_its_whole_explanation() -> None:
    left_out = LeftOut(Money.of("1200", "EUR"), 3)
    measured = Measured(Money.of("150000.10", "CNY"), Money.of("100000", "CNY"), (left_out,))
    incentive = calculate(MAVEN, measured)
    assert TRACE.validate_json(TRACE.dump_json(incentive)) == incentive


def test_an_incentive_is_kept_in_this_form() -> None:
    incentive = calculate(
        commission(table({"0": "0.05"})), Measured(Money(Decimal(100), "CNY"), None)
    )
    yuan = {"currency": "CNY"}
    assert orjson.loads(TRACE.dump_json(incentive)) == {
        "amount": {"amount": "5.00"} | yuan,
        "measured": {"amount": {"amount": "100"} | yuan, "quota": None, "left_out": []},
        "attainment": None,
        "lines": [
            {
                "tier": 1,
                "start": {"amount": "0"} | yuan,
                "end": None,
                "rate": {"value": "0.05"},
                "slice": {"amount": "100"} | yuan,
                "exact": {"amount": "5.00"} | yuan,
                "amount": {"amount": "5.00"} | yuan,
                "words": {
                    "en": "100.00 above 0.00 at 5.00%",
                    "zh": "0.00 以上部分 100.00，按 5.00%",
                },
            }
        ],
        "notes": [],
    }
