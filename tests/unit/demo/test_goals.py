"""Targets of a load: the own previous quarter and a tenth more."""

from decimal import Decimal

from deploy.demo.crm.goals import Goal, goals
from deploy.demo.crm.posting import Outcome, outcome
from deploy.demo.crm.results import Place
from shared.money import Money
from shared.period import FiscalCalendar

CALENDAR = FiscalCalendar()
QUARTERS = [CALENDAR.named(name) for name in ("2016-Q4", "2017-Q1", "2017-Q2")]


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


def test_a_target_is_the_own_previous_quarter_times_growth_over_the_turn_of_the_year() -> None:
    revenue = {
        Place("李明", "2016-Q4"): usd("100.05"),
        Place("李明", "2017-Q1"): usd("0"),
        Place("王芳", "2017-Q1"): usd("7.00"),
    }
    # 100.05 × 1.1 = 110.055; nothing in a quarter gives no target for the next.
    assert list(goals(revenue, QUARTERS, Decimal("1.1"))) == [
        Goal("李明", "2017-Q1", usd("110.06")),
        Goal("王芳", "2017-Q2", usd("7.70")),
    ]


def test_an_outcome_is_told_by_the_versions() -> None:
    assert outcome(None, 1) is Outcome.CREATED
    assert outcome(3, 3) is Outcome.UNCHANGED
    assert outcome(3, 4) is Outcome.UPDATED
