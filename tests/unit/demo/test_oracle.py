"""Comparing with an oracle: equal figures are silent, others are told in a sentence each."""

from pathlib import Path

import pytest

from deploy.demo.crm.oracle import differences, read
from deploy.demo.crm.posting import Posted
from deploy.demo.crm.reading import ExportUnusable
from deploy.demo.crm.results import Place, Result
from shared.money import Money

POSTED = Posted(units={"company": "u0", "team: 陈静": "u1"}, members={"李明": "m1"})
AGENTS = "y,q,sales_agent,won,won_revenue\n2017,1,李明,2,4514.00\n"
UNITS = "level,unit,y,q,won,won_revenue\ncompany,ALL,2017,1,2,4514.00\nmanager,陈静,2017,1,2,4514\n"


def result(amount: str, won: int) -> Result:
    return Result(Money.of(amount, "USD"), won, None, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "oracle_agent_quarter.csv").write_text(AGENTS, encoding="utf-8")
    (tmp_path / "oracle_unit_quarter.csv").write_text(UNITS, encoding="utf-8")
    return tmp_path


def test_equal_figures_are_silent(folder: Path) -> None:
    results = {Place(scope, "2017-Q1"): result("4514", 2) for scope in ("m1", "u0", "u1")}
    expected = read(folder, POSTED, "USD")
    assert len(expected) == 3
    assert list(differences(expected, results)) == []


def test_every_difference_is_told(folder: Path) -> None:
    results = {
        Place("m1", "2017-Q1"): result("4514.01", 2),
        Place("u0", "2017-Q1"): result("4514", 1),
    }
    assert list(differences(read(folder, POSTED, "USD"), results)) == [
        "李明 in 2017-Q1: 2 won, 4514.01 USD; the oracle says 2 won, 4514.00 USD",
        "ALL in 2017-Q1: 1 won, 4514.00 USD; the oracle says 2 won, 4514.00 USD",
        "陈静 in 2017-Q1: 0 won, 0.00 USD; the oracle says 2 won, 4514.00 USD",
    ]


def test_without_oracles_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert read(tmp_path, POSTED, "USD") == []


def test_an_oracle_about_somebody_else_is_refused(folder: Path) -> None:
    with pytest.raises(ExportUnusable, match="cannot be compared with"):
        read(folder, Posted(), "USD")
