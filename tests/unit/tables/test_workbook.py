"""XLSX: read as Excel and others write it, refused where it is damaged or hostile.

Files come from openpyxl, which shares nothing with our reading and writing, or are made by hand.
"""

import io
import zipfile
from datetime import date

import openpyxl
import pytest

from shared.tables.errors import (
    CellTooLong,
    FileBroken,
    FileEmpty,
    FormatDiffers,
    FormatNotRead,
    SheetNotFound,
    TooManyColumns,
    TooManyRows,
    UnpackedTooLarge,
)
from shared.tables.model import LIMITS, Format, Limits, Row
from shared.tables.number_formats import is_date_format, moment_of, plain_number
from shared.tables.reading import Asked, format_of, open_table
from shared.tables.workbook import read_workbook
from tests.unit.tables.samples import moment

DAY, NUMBER = "day", "number"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def written(*rows: list[object], sheets: tuple[str, ...] = ("订单",)) -> bytes:
    """Return a workbook of openpyxl with these rows in its first sheet."""
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = sheets[0]
    for row in rows:
        first.append(row)
    for name in sheets[1:]:
        book.create_sheet(name).append([name, "b"])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def by_hand(sheet: str, strings: str | None = None, level: int = 6) -> bytes:
    """Return a workbook with this XML as its only sheet."""
    relation = "<Relationship Id='{0}' Type='{1}/{2}' Target='{3}'/>"
    rels = relation.format("r1", OFFICE, "worksheet", "s.xml")
    if strings is not None:
        rels += relation.format("r2", OFFICE, "sharedStrings", "t.xml")
    parts = {
        "xl/workbook.xml": f"<workbook xmlns='{MAIN}' xmlns:r='{OFFICE}'><sheets>"
        "<sheet name='一' sheetId='1' r:id='r1'/></sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships>{rels}</Relationships>",
        "xl/s.xml": sheet,
        **({} if strings is None else {"xl/t.xml": strings}),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def rows_of(content: bytes, limits: Limits = LIMITS, sheet: str | None = None) -> list[Row]:
    return list(read_workbook(io.BytesIO(content), limits, sheet).rows)


def sheet_of(*cells: str) -> str:
    inner = "".join(f"<row>{row}</row>" for row in ("<c t='str'><v>a</v></c>", *cells))
    return f"<worksheet xmlns='{MAIN}'><sheetData>{inner}</sheetData></worksheet>"


def test_each_cell_is_what_the_file_says() -> None:
    content = written(
        ["编号", "金额", "日期", "时刻", "是", "空"],
        ["007", 1.1, date(2025, 3, 31), moment(2025, 3, 31, 9, 30), True, None],
        [None, None, None, None, None, None],
        ["全角　空格", 0.1 + 0.2, "2025年3月1日", 119.55999999999999, False, "x\ny"],
    )
    table = open_table(io.BytesIO(content))
    assert table.format is Format.XLSX
    assert list(table.header) == ["编号", "金额", "日期", "时刻", "是", "空"]
    assert list(table.rows) == [
        Row(2, ["007", "1.1", date(2025, 3, 31), moment(2025, 3, 31, 9, 30), "TRUE"]),
        Row(4, ["全角　空格", "0.3", "2025年3月1日", "119.56", "FALSE", "x\ny"]),
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.1000000000000001", "1.1"),
        ("119.55999999999999", "119.56"),
        ("-60.70400000000001", "-60.704"),
        ("100", "100"),
        ("1E3", "1000"),
        ("1.5E-3", "0.0015"),
        ("123456789012345678", "123456789012345678"),
        ("0.000001", "0.000001"),
        ("1E400", "1E400"),
        ("#N/A", "#N/A"),
        ("NaN", "NaN"),
    ],
)
def test_numbers_lose_the_noise_of_binary_floats_and_nothing_else(text: str, number: str) -> None:
    assert plain_number(text) == number


@pytest.mark.parametrize(
    ("serial", "start", "day"),
    [
        ("1", 1900, date(1900, 1, 1)),
        ("59", 1900, date(1900, 2, 28)),
        ("61", 1900, date(1900, 3, 1)),
        ("45747", 1900, date(2025, 3, 31)),
        ("45747.395833333336", 1900, moment(2025, 3, 31, 9, 30)),
        ("44285", 1904, date(2025, 3, 31)),
        ("0.5", 1900, None),
        ("-1", 1900, None),
        ("9999999", 1900, None),
        ("x", 1900, None),
    ],
)
def test_serial_numbers_are_days(serial: str, start: int, day: date | None) -> None:
    assert moment_of(serial, from_1904=start == 1904) == day


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("yyyy-mm-dd", DAY),
        ('yyyy"年"m"月"d"日"', DAY),
        ("[$-804]yyyy年m月d日", DAY),
        ("[$-409]d/m/yy h:mm AM/PM", DAY),
        ("General", NUMBER),
        ("0.00", NUMBER),
        ('#,##0.00 "days"', NUMBER),
        ("[Red]-0.00", NUMBER),
        (r"0.00\d", NUMBER),
        ("[h]:mm", NUMBER),
        ("_ * #,##0.00_ ", NUMBER),
        ("0.00E+00", NUMBER),
    ],
)
def test_a_number_format_says_whether_it_shows_a_day(code: str, shows: str) -> None:
    assert is_date_format(code) is (shows == DAY)


def test_rich_text_is_one_text_and_its_reading_aside_is_none() -> None:
    strings = (
        f"<sst xmlns='{MAIN}'><si><r><t>东</t></r><r><t xml:space='preserve'> 区</t></r>"
        "<rPh><t>dong</t></rPh></si><si><t>_x000A_a_x005F_x000A_</t></si></sst>"
    )
    cells = "<c t='s'><v>0</v></c><c t='s'><v>1</v></c>"
    assert rows_of(by_hand(sheet_of(cells), strings))[0].cells == ["东 区", "\na_x000A_"]


def test_many_shared_strings_are_found_by_their_number() -> None:
    many = 100_000
    inner = "".join(
        f"<si><t>客户{n}，很长的名称以便占用磁盘而不是内存{n}</t></si>" for n in range(many)
    )
    cells = f"<c t='s'><v>{many - 1}</v></c><c t='s'><v>0</v></c>"
    found = rows_of(by_hand(sheet_of(cells), f"<sst xmlns='{MAIN}'>{inner}</sst>"))[0].cells
    assert [str(cell)[:7] for cell in found] == ["客户99999", "客户0，很长的"]


def test_cells_stand_where_they_say_and_gaps_are_empty() -> None:
    sheet = (
        f"<worksheet xmlns='{MAIN}'><sheetData><row r='3'><c r='A3' t='str'><v>a</v></c>"
        "<c r='C3' t='str'><v>c</v></c></row><row r='7'><c r='B7'><v>5</v></c></row>"
        "</sheetData></worksheet>"
    )
    table = read_workbook(io.BytesIO(by_hand(sheet)), LIMITS)
    assert list(table.header) == ["a", "", "c"]
    assert list(table.rows) == [Row(7, [None, "5"])]


def test_a_sheet_is_chosen_by_name() -> None:
    content = written(["a"], sheets=("订单", "退货"))
    assert list(read_workbook(io.BytesIO(content), LIMITS, "退货").header) == ["退货", "b"]
    with pytest.raises(SheetNotFound) as told:
        read_workbook(io.BytesIO(content), LIMITS, "不在")
    assert "订单" in str(told.value)


def _bomb() -> bytes:
    return by_hand(sheet_of("<c t='str'><v>" + " " * 40_000_000 + "</v></c>"), level=9)


def _entities() -> bytes:
    lines = "".join(f"<!ENTITY e{n + 1} '{f'&e{n};' * 10}'>" for n in range(9))
    kind = f"<!DOCTYPE w [<!ENTITY e0 'lol'>{lines}]>"
    return by_hand(kind + sheet_of("<c t='str'><v>&e9;</v></c>"))


WHOLE = written(["a", "b"], *([f"甲{n}", n] for n in range(2_000)))
INSIDE = WHOLE.index(b"xl/worksheets/sheet1.xml") + 200
HOSTILE: list[tuple[str, bytes, type[Exception]]] = [
    ("a zip bomb", _bomb(), UnpackedTooLarge),
    ("entities that grow", _entities(), FileBroken),
    ("cut off", WHOLE[: len(WHOLE) // 2], FileBroken),
    ("cut off in its directory", WHOLE[:-30], FileBroken),
    ("bytes changed inside", WHOLE[:INSIDE] + b"\xff" * 400 + WHOLE[INSIDE + 400 :], FileBroken),
    ("a zip of something else", by_hand("x")[:30] + b"PK\x05\x06" + b"\0" * 18, FileBroken),
    ("no XML", by_hand("no xml at all"), FileBroken),
    ("an unknown shared string", by_hand(sheet_of("<c t='s'><v>9</v></c>")), FileBroken),
    ("no rows", by_hand(f"<worksheet xmlns='{MAIN}'/>"), FileEmpty),
    ("old XLS", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, FormatNotRead),
    ("CSV with another name", b"a,b\n1,2\n", FormatDiffers),
]


@pytest.mark.parametrize(
    ("content", "error"), [(c, e) for _, c, e in HOSTILE], ids=[h[0] for h in HOSTILE]
)
def test_a_hostile_workbook_is_refused_by_name(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        rows_of(content)


@pytest.mark.parametrize(
    ("cells", "error"),
    [
        ("<c t='str'><v>" + "x" * 40_000 + "</v></c>", CellTooLong),
        ("<c r='ZZZ1' t='str'><v>x</v></c>", TooManyColumns),
        ("</row><row r='6000001'><c><v>1</v></c>", TooManyRows),
    ],
)
def test_a_workbook_keeps_to_the_limits(cells: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        rows_of(by_hand(sheet_of(cells)))


def test_a_directory_of_a_million_entries_is_not_read() -> None:
    content = by_hand(sheet_of("<c><v>1</v></c>"))
    end = content.rfind(b"PK\x05\x06")
    swollen = content[: end + 12] + (2_000_000).to_bytes(4, "little") + content[end + 16 :]
    with pytest.raises(FileBroken):
        rows_of(swollen)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (WHOLE, Format.XLSX),
        (b'{"a": 1}\n', Format.NDJSON),
        (b'\xef\xbb\xbf {"a": 1}\n', Format.NDJSON),
        ("名称,金额\n".encode("utf-16"), Format.CSV),
        (b"a,b\n", Format.CSV),
    ],
)
def test_the_format_is_told_by_the_content(content: bytes, form: Format) -> None:
    assert format_of(io.BytesIO(content)) is form


def test_an_ndjson_that_is_none_is_refused() -> None:
    with pytest.raises(FormatNotRead):
        open_table(io.BytesIO(b"%PDF-1.7"), Asked())
