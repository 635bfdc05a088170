"""CSV in every encoding and dialect that spreadsheets write."""

import io
from pathlib import Path

import pytest

from shared.tables.delimited import read_delimited
from shared.tables.errors import (
    CellTooLong,
    EncodingDiffers,
    EncodingUnknown,
    FileEmpty,
    NotText,
    QuoteNotClosed,
    RowTooLong,
    TooManyColumns,
    TooManyRows,
)
from shared.tables.model import LIMITS, Cell, Limits, Table
from shared.tables.reading import Asked, open_table
from tests.unit.tables.samples import folder_of_samples

TEXT = "客户编号,客户名称,金额\r\n007,曾惠，杭州,100\r\n008,许安,200\r\n"
SMALL = Limits(columns=3, cell_length=10, row_length=100, rows=3)


def read(content: bytes | str, limits: Limits = LIMITS) -> tuple[list[str], list[list[Cell]]]:
    raw = content.encode() if isinstance(content, str) else content
    table = read_delimited(io.BytesIO(raw), limits)
    return list(table.header), [list(row.cells) for row in table.rows]


@pytest.mark.parametrize(
    ("codec", "known_as"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
    ],
)
def test_the_encoding_is_recognised_by_the_bytes(codec: str, known_as: str) -> None:
    table = read_delimited(io.BytesIO(TEXT.encode(codec)), LIMITS)
    assert table.encoding == known_as
    assert table.header == ["客户编号", "客户名称", "金额"]
    assert [row.cells for row in table.rows] == [
        ["007", "曾惠，杭州", "100"],
        ["008", "许安", "200"],
    ]


def test_chinese_far_behind_plain_letters_is_still_recognised() -> None:
    plain = "code,name\n" + "A,B\n" * 300_000
    table = read_delimited(io.BytesIO(plain.encode() + "A,大区\n".encode("gb18030")), LIMITS)
    assert table.encoding == "gb18030"
    assert [row.cells for row in table.rows][-1] == ["A", "大区"]


def test_characters_beyond_the_old_standard_survive() -> None:
    rare = "姓名,区\n\U00020bb7野,𠮷\n"
    assert read(rare.encode("gb18030"))[1] == [["\U00020bb7野", "𠮷"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_recognised_by_the_rows(delimiter: str, end: str) -> None:
    rows = [["编号", "名称", "金额"], ["1", "甲", "1,5" if delimiter != "," else "1.5"]]
    content = end.join(delimiter.join(row) for row in rows)
    assert read(content) == (rows[0], rows[1:])


@pytest.mark.parametrize(
    ("content", "header", "rows"),
    [
        ("a;b\n1,5;2,5\n3,5;4\n", ["a", "b"], [["1,5", "2,5"], ["3,5", "4"]]),
        ("a,b\n1;5,2;5\n", ["a", "b"], [["1;5", "2;5"]]),
        ('a,b\n"x;y;z","p;q;r"\n', ["a", "b"], [["x;y;z", "p;q;r"]]),
        ("sep=;\na;b\n1;2\n", ["a", "b"], [["1", "2"]]),
        ("sep=,\na,b\n1,2\n", ["a", "b"], [["1", "2"]]),
        ("名称\n甲\n乙\n", ["名称"], [["甲"], ["乙"]]),
    ],
)
def test_decimal_commas_and_other_marks_do_not_mislead(
    content: str, header: list[str], rows: list[list[str]]
) -> None:
    assert read(content) == (header, rows)


def test_quotes_hold_delimiters_quotes_and_line_breaks() -> None:
    content = 'a,b\r\n"一,二","说""好""\r\n第二行"\r\n3,4\r\n'
    table = read_delimited(io.BytesIO(content.encode()), LIMITS)
    rows = list(table.rows)
    assert [row.cells for row in rows] == [["一,二", '说"好"\r\n第二行'], ["3", "4"]]
    assert [row.number for row in rows] == [2, 3]  # as a spreadsheet numbers them


def test_empty_rows_are_left_out_and_keep_their_number() -> None:
    table = read_delimited(io.BytesIO(b"\n\na,b\n\n1,2\n,\n3,4\n\n"), LIMITS)
    assert table.header == ["a", "b"]
    assert [(row.number, row.cells) for row in table.rows] == [(5, ["1", "2"]), (7, ["3", "4"])]


def test_ragged_rows_come_as_they_are() -> None:
    assert read("a,b,c\n1\n1,2,3,4\n")[1] == [["1"], ["1", "2", "3", "4"]]


def test_the_guard_of_our_own_writing_is_taken_off() -> None:
    assert read("a,b\n'=1+1,'text\n'-x,'+86\n")[1] == [["=1+1", "'text"], ["-x", "+86"]]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", FileEmpty),
        (b"\n\n ,\n"[:2], FileEmpty),
        (b"a,b\n1\x00,2\n", NotText),
        (b"a,b\n\xff\xff,2\n", EncodingUnknown),
        (b"a,b\n12345678901,2\n", CellTooLong),
        (b"a,b\n" + b"1," * 60, RowTooLong),
        (b"a,b\n1,2,3,4\n", TooManyColumns),
        (b"a\n1\n2\n3\n", TooManyRows),
        (b'a,b\n"' + b"x\n" * 100_000, QuoteNotClosed),
    ],
)
def test_a_hostile_file_is_refused_by_name(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(content, SMALL)


def test_a_cell_of_ten_megabytes_is_never_held_as_a_whole() -> None:
    with pytest.raises(RowTooLong):
        read(b"a,b\n" + b"x" * 10_000_000 + b",1\n")
    with pytest.raises(QuoteNotClosed):
        read(b'a,b\n"' + b"x\n" * 5_000_000)


def test_a_wrong_name_for_the_encoding_is_told_with_the_row() -> None:
    asked = Asked(encoding="utf-8", delimiter=",")
    with pytest.raises(EncodingDiffers) as told:
        open_table(io.BytesIO("a,b\n甲,1\n".encode("gb18030")), asked)
    assert told.value.facts["row"] == 1


def _opened(path: Path) -> Table:
    return open_table(io.BytesIO(path.read_bytes()))


def test_the_chinese_orders_of_a_real_export_are_read_in_full() -> None:
    table = _opened(folder_of_samples("superstore-zh") / "订单.csv")
    rows = list(table.rows)
    assert (len(table.header), len(rows)) == (20, 10_000)
    assert {len(row.cells) for row in rows} == {20}
    assert rows[0].cells[15] == "Fiskars 剪刀, 蓝色"


def test_the_exports_of_other_systems_are_read() -> None:
    folder = folder_of_samples("crm-export-shapes")
    sizes = {p.name: (len(t.header), sum(1 for _ in t.rows)) for p, t in _all(folder)}
    assert sizes["salesforce_sf_opportunity_data.csv"] == (36, 10)
    assert sizes["salesforce_sf_lead_data.csv"] == (382, 1)
    assert sizes["hubspot_deal_property_history_data.csv"] == (7, 100)


def _all(folder: Path) -> list[tuple[Path, Table]]:
    return [(path, _opened(path)) for path in sorted(folder.glob("*.csv"))]
