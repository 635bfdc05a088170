"""Reading an export: what cannot be right is refused by file, line and column."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.demo.crm.reading import ExportUnusable, read
from tests.unit.demo.export import PIPELINE, PRODUCTS, TEAMS, write


def test_rows_are_read_as_they_are_and_what_is_empty_is_none(tmp_path: Path) -> None:
    export = read(write(tmp_path))
    assert [agent.name for agent in export.agents] == ["李明", "Anna Snelling", "Carl Lin"]
    assert export.products[1].price == Decimal("55.50")
    won, *_, prospect = export.opportunities
    assert (won.product, won.account, won.value) == ("GTXPro", "东方机械", Decimal(4514))
    assert (won.engaged_on, won.closed_on) == (date(2017, 1, 5), date(2017, 3, 1))
    assert prospect.account is None
    assert prospect.engaged_on is None
    assert prospect.value is None
    assert prospect.at == "sales_pipeline.csv, line 6"


def test_a_byte_order_mark_and_other_line_ends_are_no_fault(tmp_path: Path) -> None:
    text = "\ufeff" + TEAMS.replace("\n", "\r\n")
    assert read(write(tmp_path, teams=text)).agents == read(write(tmp_path)).agents


@pytest.mark.parametrize("name", ["sales_teams.csv", "products.csv", "sales_pipeline.csv"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (write(tmp_path) / name).unlink()
    with pytest.raises(ExportUnusable, match=rf"{name} cannot be read: No such file"):
        read(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    text = PIPELINE.replace("close_value", "value").replace("account", "customer")
    with pytest.raises(ExportUnusable, match="has no column account, close_value"):
        read(write(tmp_path, pipeline=text))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("2017-03-01", "01-03-2017", "line 2: close_date cannot be '01-03-2017'; write days as"),
        ("2017-03-01", "20170301", "close_date cannot be '20170301'"),
        ("2017-03-01", "2017-02-30", "close_date cannot be '2017-02-30'"),
        ("2017-03-01", "2017-W09-3", "close_date cannot be '2017-W09-3'"),
        ("2017-03-01", "1899-12-31", "close_date cannot be '1899-12-31'"),
        ("4514", "1000000000000000", "close_value cannot be '1000000000000000'"),
        ("Isdom", "Is\u202edom", "line 3: account cannot be"),
        ("4514", "4,514", "line 2: it has not as many fields"),
        ("4514", "1e3", "close_value cannot be '1e3'; write amounts as"),
        ("4514", "-1", "close_value cannot be '-1'"),
        ("4514", "NaN", "close_value cannot be 'NaN'"),
        ("W2", "", "line 3: opportunity_id is empty"),
        ("W2", "W" * 65, "line 3: opportunity_id is longer than 64"),
        (",Won,", ",", "line 2: it has not as many fields"),
        ("东方机械", '"东方机械', "is not a CSV file in UTF-8: unexpected end of data"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ExportUnusable, match=sentence):
        read(write(tmp_path, pipeline=PIPELINE.replace(old, new, 1)))


def test_a_product_without_a_price_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportUnusable, match="line 2: sales_price is empty"):
        read(write(tmp_path, products=PRODUCTS.replace("4821", "")))


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "sales_teams.csv").write_bytes(TEAMS.encode("gb18030"))
    with pytest.raises(ExportUnusable, match="is not a CSV file in UTF-8"):
        read(tmp_path)
