"""The sums of a statement: added up in every way that there is."""

from typing import Any

import pytest

from deploy.demo.client import DemoFailed
from deploy.demo.statement import Statement, sums


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def statement(
    *, line: str = "4000.00", credit: str = "9000.00", entry: str = "9000.00"
) -> Statement:
    component: dict[str, Any] = {
        "plan_id": "p1",
        "component": "commission",
        "amount": cny("9000.00"),
        "lines": [{"amount": cny("5000.00")}, {"amount": cny(line)}],
        "credits": [{"commission": cny(credit)}],
    }
    entries = [
        {"plan_id": "p1", "component": "commission", "amount": cny(entry)},
        {"plan_id": "p2", "component": "commission", "amount": cny("1.00")},
    ]
    return Statement({"components": [component]}, entries)


def test_lines_credits_and_ledger_sum_to_the_amount() -> None:
    (found,) = sums(statement())
    assert {total.text for total in (found.amount, found.lines, found.ledger)} == {"9000.00"}


def test_a_component_without_credits_has_none_to_add_up() -> None:
    whole = statement()
    whole.document["components"][0]["credits"] = []
    (found,) = sums(whole)
    assert found.credits is None


@pytest.mark.parametrize("wrong", [{"line": "4000.01"}, {"credit": "0.00"}, {"entry": "8999.99"}])
def test_a_sum_that_differs_fails(wrong: dict[str, str]) -> None:
    with pytest.raises(DemoFailed, match="The sums of a statement do not agree"):
        list(sums(statement(**wrong)))
