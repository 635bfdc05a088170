"""Named conversions: what each takes, and that nothing ambiguous is guessed."""

from datetime import date

import pytest

from shared.tables import conversions
from shared.tables.conversions import (
    DateFormat,
    DigitsTooMany,
    NotADate,
    NotANumber,
    NotYesOrNo,
    NumberFormat,
)
from shared.tables.model import Cell
from tests.unit.tables.samples import moment


@pytest.mark.parametrize(
    ("cell", "form", "day"),
    [
        ("2025-03-31", None, "2025-03-31"),
        ("2025/3/1", None, "2025-03-01"),
        ("2025年3月1日", None, "2025-03-01"),
        ("2019-04-04 6:47:01", None, "2019-04-04"),
        ("2020-07-09 15:25:37.051", None, "2020-07-09"),
        ("2025-03-31T09:30:00", "YYYY-MM-DD", "2025-03-31"),
        ("03/04/2025", "DD/MM/YYYY", "2025-04-03"),
        ("03/04/2025", "MM/DD/YYYY", "2025-03-04"),
        ("3-4-2025", "DD-MM-YYYY", "2025-04-03"),
        ("3-4-2025", "MM-DD-YYYY", "2025-03-04"),
        ("1.3.2025", "D.M.YYYY", "2025-03-01"),
        ("31.03.2025", "D.M.YYYY", "2025-03-31"),
        ("20250331", "YYYYMMDD", "2025-03-31"),
        ("2025.03.31", "YYYY.MM.DD", "2025-03-31"),
        ("45747", "excel-1900", "2025-03-31"),
        ("44285", "excel-1904", "2025-03-31"),
        ("2025-03-31", "D.M.YYYY", "2025-03-31"),
        (date(2025, 3, 31), "MM/DD/YYYY", "2025-03-31"),
        (moment(2025, 3, 31, 23, 59), None, "2025-03-31"),
    ],
)
def test_a_date_of_the_named_format_is_taken(cell: Cell, form: DateFormat | None, day: str) -> None:
    assert conversions.to_date(cell, form) == day


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("03/04/2025", None),
        ("1.3.2025", None),
        ("45747", None),
        ("20250331", None),
        ("25-03-31", None),
        ("2025-02-30", None),
        ("31/31/2025", "DD/MM/YYYY"),
        ("２０２３-03-31", None),
        ("31.3.2025", "MM/DD/YYYY"),
        ("", None),
    ],
)
def test_an_ambiguous_or_impossible_date_is_refused(cell: Cell, form: DateFormat | None) -> None:
    with pytest.raises(NotADate):
        conversions.to_date(cell, form)


@pytest.mark.parametrize(
    ("text", "form", "decimals", "number"),
    [
        ("1200.00", None, None, "1200.00"),
        ("+5", None, None, "5"),
        ("-0.5", None, None, "-0.5"),
        ("1,234,567.89", "point", None, "1234567.89"),
        ("1 234 567,89", "comma", None, "1234567.89"),
        ("1.234.567,89", "comma", None, "1234567.89"),
        ("1\u00a0234,5", "comma", None, "1234.5"),
        ("1'234.5", "point", None, "1234.5"),
        ("1234,5", "comma", None, "1234.5"),
        ("119.55999999999999", None, 2, "119.56"),
        ("129.696", None, 2, "129.70"),
        ("0.125", None, 2, "0.12"),
        ("0.135", None, 2, "0.14"),
        ("7", None, 2, "7.00"),
    ],
)
def test_a_number_of_the_named_format_is_taken_exactly(
    text: str, form: NumberFormat | None, decimals: int | None, number: str
) -> None:
    assert conversions.to_decimal(text, form, decimals) == number


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1,200", None),
        ("1.200,00", None),
        ("1,20", "point"),
        ("1.234.5", "comma"),
        ("12,34,567", "point"),
        ("1e5", None),
        ("１２", None),
        ("NaN", None),
        ("1_000", None),
        ("￥5", "point"),
        ("9" * 70, None),
    ],
)
def test_an_ambiguous_number_is_refused(text: str, form: NumberFormat | None) -> None:
    with pytest.raises(NotANumber):
        conversions.to_decimal(text, form, None)


def test_whole_numbers_may_have_empty_decimals() -> None:
    assert conversions.to_integer("3.00", None) == 3
    with pytest.raises(NotANumber):
        conversions.to_integer("3.5", None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("TRUE", "yes"), ("T", "yes"), ("是", "yes"), ("y", "yes"), ("false", "no"), ("否", "no")],
)
def test_yes_and_no_have_words_in_both_languages(text: str, meant: str) -> None:
    assert conversions.to_boolean(text) is (meant == "yes")


def test_other_words_are_neither_yes_nor_no() -> None:
    with pytest.raises(NotYesOrNo):
        conversions.to_boolean("maybe")


def test_leading_zeros_that_a_spreadsheet_took_come_back() -> None:
    assert conversions.to_digits("42", 6) == "000042"
    for wrong in ("1234567", "4x", "１２"):
        with pytest.raises(DigitsTooMany):
            conversions.to_digits(wrong, 6)


def test_full_width_letters_become_plain_and_chinese_stays() -> None:
    assert conversions.to_half_width("－１２３　（华东）。ア") == "-123 (华东)。ア"


def test_cells_are_trimmed_of_every_kind_of_space() -> None:
    assert conversions.trimmed("\u3000 曾惠\u00a0\t") == "曾惠"
    assert conversions.trimmed(" \u3000") is None
