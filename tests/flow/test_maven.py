"""A real CRM export over HTTP: what comes out is what the files alone say, to the cent.

The figures are held against the oracles of the export's author, and against a computation in
plain Python from the CSV alone that shares no code with Pharos.
"""

import csv
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from deploy.demo.client import Api, opened
from deploy.demo.crm.cleaning import Load
from deploy.demo.crm.loading import Loaded, load_export, prepared
from deploy.demo.crm.posting import COMPANY, region_of, team_of
from deploy.demo.crm.results import Place
from deploy.local.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PHAROS_TEST_DATA", ROOT.parent / "shared" / "data")) / "maven-crm"
CENT = Decimal("0.01")
MILLIONTH = Decimal("0.000001")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the CRM export is not at {FOLDER}; set PHAROS_TEST_DATA"
)


@dataclass(frozen=True)
class Maven:
    """The export as it was loaded, and a client to load it again."""

    api: Api
    load: Load
    loaded: Loaded

    def member(self, name: str, quarter: str) -> Place:
        return Place(self.loaded.posted.members[name], quarter)

    def unit(self, name: str, quarter: str) -> Place:
        return Place(self.loaded.posted.units[name], quarter)


class Figures(NamedTuple):
    """What an agent achieved and earned in a quarter."""

    revenue: Decimal
    won: int
    target: Decimal | None
    attainment: Decimal | None
    pay: Decimal


@pytest.fixture(scope="module")
async def maven(stack: Stack) -> AsyncIterator[Maven]:
    load = prepared(FOLDER, "USD")
    async with opened(stack) as api:
        yield Maven(api, load, await load_export(api, load, silent()))


def silent() -> Console:
    return Console(file=StringIO())


def rows(name: str) -> Iterable[Mapping[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def plain() -> dict[tuple[str, str], Figures]:
    """Compute every agent's quarters from the CSV alone; quarters are numbered year × 4 + q."""
    revenue: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    won: defaultdict[tuple[str, int], int] = defaultdict(int)
    for row in rows("sales_pipeline.csv"):
        if row["deal_stage"] == "Won":
            day = date.fromisoformat(row["close_date"])
            key = (row["sales_agent"], day.year * 4 + (day.month - 1) // 3)
            revenue[key] += Decimal(row["close_value"])
            won[key] += 1
    found = {}
    for (agent, number), amount in revenue.items():
        target = None
        if (agent, number - 1) in revenue:
            target = (revenue[agent, number - 1] * 11 / 10).quantize(CENT, ROUND_HALF_UP)
        attainment = None
        pay = amount * 5 / 100
        if target is not None:
            attainment = (amount / target).quantize(MILLIONTH, ROUND_HALF_EVEN)
            pay = min(amount, target) * 5 / 100 + max(amount - target, Decimal(0)) * 8 / 100
        year, quarter = divmod(number, 4)
        found[agent, f"{year}-Q{quarter + 1}"] = Figures(
            amount, won[agent, number], target, attainment, pay.quantize(CENT, ROUND_HALF_UP)
        )
    return found


async def test_every_agents_quarter_equals_the_oracle(maven: Maven) -> None:
    expected = {
        maven.member(row["sales_agent"], f"{row['y']}-Q{row['q']}"): (
            Decimal(row["won_revenue"]),
            int(row["won"]),
        )
        for row in rows("oracle_agent_quarter.csv")
    }
    members = set(maven.loaded.posted.members.values())
    found = {
        place: (result.revenue.amount, result.won)
        for place, result in maven.loaded.results.items()
        if place.scope_id in members
    }
    assert len(expected) == 120
    assert found == expected


async def test_every_managers_regions_and_the_companys_quarter_equals_the_oracle(
    maven: Maven,
) -> None:
    name_of: dict[str, Callable[[str], str]] = {
        "manager": team_of,
        "region": region_of,
        "company": lambda _: COMPANY,
    }
    expected = {
        maven.unit(name_of[row["level"]](row["unit"]), f"{row['y']}-Q{row['q']}"): (
            Decimal(row["won_revenue"]),
            int(row["won"]),
        )
        for row in rows("oracle_unit_quarter.csv")
    }
    units = set(maven.loaded.posted.units.values())
    found = {
        place: (result.revenue.amount, result.won)
        for place, result in maven.loaded.results.items()
        if place.scope_id in units
    }
    assert len(expected) == 40
    assert found == expected


async def test_the_company_won_4238_deals_worth_10005534(maven: Maven) -> None:
    company = [
        result
        for place, result in maven.loaded.results.items()
        if place.scope_id == maven.loaded.posted.units[COMPANY]
    ]
    assert sum(result.won for result in company) == 4238
    assert sum(result.revenue.amount for result in company) == Decimal("10005534.00")


async def test_attainment_and_pay_are_what_the_csv_alone_says(maven: Maven) -> None:
    expected = {maven.member(*key): figures for key, figures in plain().items()}
    found = {}
    for place, pay in maven.loaded.pay.items():
        result = maven.loaded.results[place]
        found[place] = Figures(
            revenue=result.revenue.amount,
            won=result.won,
            target=None if result.target is None else result.target.amount,
            attainment=None if result.attainment is None else result.attainment.value,
            pay=pay.amount,
        )
    assert len(expected) == 120
    assert sum(figures.target is None for figures in expected.values()) == 30
    assert found == expected


async def test_what_was_corrected_is_counted(maven: Maven) -> None:
    counts = {found.found: count for found, count in maven.load.corrections.items()}
    assert counts == {
        "agents without any deal": 5,
        "product 'GTXPro'": 1480,
        "open deals without an account": 1425,
        "stages Prospecting and Engaging": 2089,
        "open deals without a value": 2089,
        "lost deals with the value 0": 2473,
        "deals without an engage date": 500,
    }


async def test_a_second_load_of_the_same_files_changes_nothing(maven: Maven) -> None:
    again = await load_export(maven.api, maven.load, silent())
    assert again.posted.changed == 0
    assert again.posted.outcomes.keys() == maven.loaded.posted.outcomes.keys()
    assert sum(counts.total() for counts in again.posted.outcomes.values()) == 9069
    assert again.heads == maven.loaded.heads
    assert again.results == maven.loaded.results
    assert again.pay == maven.loaded.pay
