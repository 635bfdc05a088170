"""What must be posted so that the ledger says what is due."""

from decimal import Decimal
from uuid import UUID

from services.performance.incentives.engine.calculation import calculate
from services.performance.incentives.model import Head, Incentive, Key
from services.performance.incentives.rules import differences, settled, told
from services.performance.plans.model import Component
from shared.ids import derived_id
from tests.unit.performance.tables import MAVEN, commission, measured, table

LI = derived_id("member", "李雷")
KEY = Key(LI, "2017-Q2", UUID(int=1), "收入提成")


def due(amount: str, quota: str | None = "100000", component: Component = MAVEN) -> Incentive:
    return calculate(component, measured(amount, quota))


def posted(before: Head | None, after: Head) -> dict[int, str]:
    return {tier: amount.text for tier, amount in differences(before, after)}


def test_what_is_new_is_posted_line_by_line() -> None:
    ((before, after),) = settled([], {KEY: (1, due("150000"))})
    assert (before, after.version, after.plan_version) == (None, 1, 1)
    assert posted(before, after) == {1: "5000.00", 2: "4000.00"}


def test_only_what_moved_is_posted() -> None:
    head = Head(KEY, 1, 4, due("150000"))
    ((before, after),) = settled([head], {KEY: (1, due("160000"))})
    assert (before, after.version) == (head, 5)
    assert posted(before, after) == {2: "800.00"}


def test_what_is_as_it_was_is_left_alone() -> None:
    head = Head(KEY, 1, 4, due("150000"))
    assert list(settled([head], {KEY: (1, due("150000.00"))})) == []


def test_a_new_quota_that_moves_no_amount_is_told_and_not_posted() -> None:
    head = Head(KEY, 1, 1, due("50000", "100000"))
    ((before, after),) = settled([head], {KEY: (1, due("50000", "200000"))})
    assert posted(before, after) == {}
    event = told(before, after)
    assert event.difference.money().amount == 0
    assert str(event.attainment) == "0.250000"


def test_what_is_no_longer_wanted_is_taken_back_once() -> None:
    head = Head(KEY, 1, 1, due("150000"))
    ((before, after),) = settled([head], {})
    assert posted(before, after) == {1: "-5000.00", 2: "-4000.00"}
    assert after.incentive.amount.text == "0.00"
    assert list(settled([after], {})) == []


def test_a_line_that_changes_its_tier_is_reversed_in_the_old_one() -> None:
    single = commission(table({"0": "0.05"}))
    head = Head(KEY, 1, 1, due("150000"))
    ((before, after),) = settled([head], {KEY: (2, due("150000", component=single))})
    assert posted(before, after) == {1: "2500.00", 2: "-4000.00"}
    assert after.plan_version == 2


def test_the_event_carries_the_incentive_at_its_version_and_the_difference() -> None:
    head = Head(KEY, 1, 1, due("100000"))
    ((before, after),) = settled([head], {KEY: (1, due("150000"))})
    event = told(before, after)
    assert (event.subject, event.version, event.period) == (KEY.id, 2, "2017-Q2")
    assert (event.amount.money().text, event.difference.money().text) == ("9000.00", "4000.00")
    assert (event.measured, event.quota) == (Decimal(150000), Decimal(100000))
