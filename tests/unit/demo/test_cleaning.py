"""Cleaning an export: what can be mended is, and counted; what contradicts itself is refused."""

from datetime import date
from pathlib import Path

import pytest

from deploy.demo.crm.cleaning import Load, cleaned
from deploy.demo.crm.reading import ExportUnusable, read
from shared.contracts.pipeline import DealStage
from shared.money import Money
from shared.period import FiscalCalendar
from tests.unit.demo.export import PIPELINE, PRODUCTS, TEAMS, write


def load(folder: Path, currency: str = "USD") -> Load:
    return cleaned(read(folder), currency, FiscalCalendar())


def test_every_correction_is_counted_with_its_reason(tmp_path: Path) -> None:
    corrections = {c.found: (c.made, n) for c, n in load(write(tmp_path)).corrections.items()}
    assert corrections == {
        "agents without any deal": ("members all the same", 1),
        "product 'GTXPro'": ("'GTX Pro', as in the products", 2),
        "open deals without an account": ("taken without one", 2),
        "stages Prospecting and Engaging": ("open; the pipeline has no finer", 2),
        "open deals without a value": ("expected amount: the list price", 2),
        "lost deals with the value 0": ("expected amount: the list price", 1),
        "deals without an engage date": ("opened on 2017-04-03", 1),
    }


def test_deals_are_what_the_rows_say_after_the_corrections(tmp_path: Path) -> None:
    found = load(write(tmp_path))
    deals = [
        (deal.id, deal.name, deal.stage, deal.amount.text, deal.opened_on, deal.closed_on)
        for deal in found.deals
    ]
    new_year, last = date(2017, 1, 5), date(2017, 4, 3)
    assert deals == [
        ("W1", "GTX Pro · 东方机械", DealStage.WON, "4514.00", new_year, date(2017, 3, 1)),
        ("W2", "MG Special · Isdom", DealStage.WON, "50.25", date(2016, 12, 30), date(2017, 4, 2)),
        ("L1", "GTX Pro · Isdom", DealStage.LOST, "4821.00", new_year, last),
        ("E1", "GTX Pro · —", DealStage.OPEN, "4821.00", date(2017, 2, 1), None),
        ("P1", "MG Special · —", DealStage.OPEN, "55.50", last, None),
    ]
    assert found.accounts == ["Isdom", "东方机械"]
    assert found.managers == {"陈静": "华东", "Dustin Brinkmann": "Central"}


def test_the_organisation_is_older_than_every_deal_and_the_plan_begins_with_a_quarter(
    tmp_path: Path,
) -> None:
    found = load(write(tmp_path))
    assert (found.since, found.paid_since) == (date(2016, 1, 1), date(2017, 1, 1))


def test_the_currency_is_given_with_the_load(tmp_path: Path) -> None:
    assert load(write(tmp_path), "CNY").deals[0].amount == Money.of("4514", "CNY")
    with pytest.raises(ExportUnusable, match="more decimals than its currency"):
        load(write(tmp_path), "JPY")
    with pytest.raises(ExportUnusable, match="RMB is not a currency code of ISO 4217"):
        load(write(tmp_path), "RMB")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("W2,Anna Snelling", "W2,Nobody", "line 3: Nobody is in no team"),
        ("MG Special", "MG Spezial", "line 3: there is no product 'MG Spezial'"),
        (",Lost,", ",Gone,", "line 4: stage 'Gone' is none of Prospecting, Engaging, Won, Lost"),
        ("W2,", "W1,", "The opportunity W1 is there 2 times"),
        ("2017-03-01,4514", "2017-03-01,", "line 2: a won deal has no close_value"),
        ("2017-03-01,4514", ",4514", "line 2: stage Won and close_date do not go together"),
        (
            "2017-02-01,,",
            "2017-02-01,2017-02-02,",
            "line 5: stage Engaging and close_date do not go",
        ),
        ("2017-03-01,4514", "2017-01-04,4514", "line 2: it was closed before it was engaged"),
        ("50.25", "50.255", "line 3: 50.255 USD has more decimals"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ExportUnusable, match=sentence):
        load(write(tmp_path, pipeline=PIPELINE.replace(old, new, 1)))


def test_a_manager_has_one_region_and_a_name_one_row(tmp_path: Path) -> None:
    with pytest.raises(ExportUnusable, match="Manager Dustin Brinkmann has agents in two regions"):
        load(write(tmp_path, teams=TEAMS.replace("Central", "West", 1)))
    with pytest.raises(ExportUnusable, match="The agent Carl Lin is there 2 times"):
        load(write(tmp_path, teams=TEAMS.replace("Anna Snelling", "Carl Lin")))
    with pytest.raises(ExportUnusable, match="The product gtxpro is there 2 times"):
        load(write(tmp_path, products=PRODUCTS.replace("MG Special", "GTXPro")))


def test_an_export_without_any_deal_is_refused(tmp_path: Path) -> None:
    heading = PIPELINE.splitlines(keepends=True)[0]
    with pytest.raises(ExportUnusable, match="No opportunity has a date"):
        load(write(tmp_path, pipeline=heading))
