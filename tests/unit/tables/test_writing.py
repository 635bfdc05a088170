"""What is written can be read: by us, and by others."""

import io
from datetime import date

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables.model import Cell, Format
from shared.tables.reading import open_table
from shared.tables.writing import guarded, writer_of
from tests.unit.tables.samples import moment

HEADER = ["编号", "名称", "日"]
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\ufffe\uffff"),
    min_size=1,
    max_size=30,
)


def file_of(form: Format, rows: list[list[Cell]]) -> bytes:
    writer = writer_of(form, HEADER)
    return b"".join(writer.write([row]) for row in rows) + writer.end()


@pytest.mark.parametrize("form", list(Format))
@given(rows=st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=5))
def test_text_comes_back_as_it_was(form: Format, rows: list[list[Cell]]) -> None:
    # A file that a person may open begins with what it is: our own guard comes off again.
    rows = [[f"甲{row[0]}", *row[1:]] for row in rows]
    table = open_table(io.BytesIO(file_of(form, rows)))
    assert [list(row.cells) for row in table.rows] == rows


def test_others_read_our_workbooks() -> None:
    when = moment(2025, 3, 31, 9, 30, 1)
    content = file_of(Format.XLSX, [["007", "=1+1 <b>&", date(2025, 3, 31)], ["x\ny", None, when]])
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    rows = list(sheet.iter_rows())
    assert [[cell.value for cell in row] for row in rows] == [
        HEADER,
        ["007", "=1+1 <b>&", moment(2025, 3, 31)],
        ["x\ny", None, when],
    ]
    assert {cell.data_type for row in rows for cell in row if cell.value} == {"s", "d"}


def test_days_of_a_workbook_come_back_as_days() -> None:
    rows: list[list[Cell]] = [["1", "2", date(2025, 3, 31)], ["1", "2", date(1899, 1, 1)]]
    found = [row.cells[2] for row in open_table(io.BytesIO(file_of(Format.XLSX, rows))).rows]
    assert found == [date(2025, 3, 31), "1899-01-01"]


def test_a_full_sheet_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.tables.xlsx_writing.SHEET_ROWS_MAX", 3)
    content = file_of(Format.XLSX, [[str(n), "b", "c"] for n in range(5)])
    book = openpyxl.load_workbook(io.BytesIO(content))
    firsts = [[row[0].value for row in sheet.iter_rows()] for sheet in book.worksheets]
    assert firsts == [["编号", "0", "1"], ["编号", "2", "3"], ["编号", "4"]]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+86 10", "'+86 10"),
        ("-x", "'-x"),
        ("@cmd", "'@cmd"),
        ("\tx", "'\tx"),
        ("'=x", "''=x"),
        ("-5.00", "-5.00"),
        ("+5", "+5"),
        ("华东", "华东"),
        ("'quoted", "'quoted"),
        (None, None),
    ],
)
def test_no_cell_of_a_csv_is_taken_for_a_formula(text: str | None, safe: str | None) -> None:
    assert guarded(text) == safe


def test_a_csv_begins_with_a_mark_for_excel_unless_it_must_not() -> None:
    assert file_of(Format.CSV, []).startswith(b"\xef\xbb\xbf")
    assert not writer_of(Format.CSV, HEADER, mark=False).end().startswith(b"\xef\xbb\xbf")
