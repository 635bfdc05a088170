"""XLSX as a stream: rows go into the packed sheet as they come, further sheets when one is full."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import IO, Final
from xml.sax.saxutils import escape

from shared.tables.model import Cell

SHEET_ROWS_MAX: Final = 1_048_576
CELL_LENGTH_MAX: Final = 32_767
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 (a moment of a spreadsheet has no zone)
_DATES_FROM: Final = date(1900, 3, 1)
_NEEDS_ESCAPE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]|_(?=x[0-9A-Fa-f]{4}_)"
)
_MADE: Final = (1980, 1, 1, 0, 0, 0)

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_WORKBOOK: Final = f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
_STYLES: Final = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd hh:mm:ss"/></numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


class _Drained(io.RawIOBase):
    """Takes what the archive writes until it is drained; an archive in a stream never goes back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        taken = bytes(piece)  # type: ignore[call-overload]
        self._pieces.append(taken)
        return len(taken)

    def drain(self) -> bytes:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        return whole


class WorkbookWriter:
    """Writes an XLSX file. Text stays text, numbers too: no digit is lost; days are days."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._out = _Drained()
        self._archive = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED)
        self._sheets = 0
        self._rows = 0
        self._sheet: IO[bytes] | None = None

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Return the bytes of some more rows that are ready."""
        sheet = self._sheet or self._begin()
        for row in rows:
            if self._rows == SHEET_ROWS_MAX:
                self._finish()
                sheet = self._begin()
            sheet.write(self._row(row))
        return self._out.drain()

    def end(self) -> bytes:
        """Return the rest of the file."""
        if self._sheet is None:
            self._begin()
        self._finish()
        for name, content in self._parts():
            self._archive.writestr(_part(name), content)
        self._archive.close()
        return self._out.drain()

    def _begin(self) -> IO[bytes]:
        self._sheets += 1
        self._rows = 0
        name = f"xl/worksheets/sheet{self._sheets}.xml"
        self._sheet = self._archive.open(_part(name), "w")
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        self._sheet.write(self._row(self._header))
        return self._sheet

    def _finish(self) -> None:
        if self._sheet is not None:
            self._sheet.write(b"</sheetData></worksheet>")
            self._sheet.close()
            self._sheet = None

    def _row(self, cells: Sequence[Cell]) -> bytes:
        self._rows += 1
        written = "".join(_cell(_place(n, self._rows), cell) for n, cell in enumerate(cells))
        return f'<row r="{self._rows}">{written}</row>'.encode()

    def _parts(self) -> list[tuple[str, str]]:
        numbers = range(1, self._sheets + 1)
        sheets = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        relations = [(f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
        return [
            ("xl/styles.xml", _STYLES),
            (
                "xl/workbook.xml",
                _WORKBOOK + f"<sheets>{sheets}</sheets></workbook>",
            ),
            (
                "xl/_rels/workbook.xml.rels",
                _relations([*relations, ("rIdS", "styles", "styles.xml")]),
            ),
            ("_rels/.rels", _relations([("rId1", "officeDocument", "xl/workbook.xml")])),
            ("[Content_Types].xml", _types(self._sheets)),
        ]


def _part(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _MADE)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _relations(entries: Sequence[tuple[str, str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for key, kind, target in entries
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'


def _types(sheets: int) -> str:
    parts = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
    parts += [(f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in range(1, sheets + 1)]
    inner = "".join(
        f'<Override PartName="{name}" ContentType="{_SHEET_TYPE}.{kind}+xml"/>'
        for name, kind in parts
    )
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="{rels}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{inner}</Types>'
    )


def _place(column: int, row: int) -> str:
    letters, left = "", column + 1
    while left:
        left, digit = divmod(left - 1, 26)
        letters = chr(65 + digit) + letters
    return f"{letters}{row}"


def _cell(place: str, cell: Cell) -> str:
    if cell is None or cell == "":
        return ""
    if isinstance(cell, date):
        if isinstance(cell, datetime):
            moment, style = cell, 2
        else:
            moment, style = datetime(cell.year, cell.month, cell.day), 1  # noqa: DTZ001
        if moment.date() >= _DATES_FROM:
            passed = moment - _EPOCH
            serial = f"{passed.days}"
            if passed.seconds:  # eleven digits of a day are finer than a microsecond
                fraction = (passed.seconds * 10**11 + 43_200) // 86_400
                serial += f".{fraction:011d}"
            return f'<c r="{place}" s="{style}"><v>{serial}</v></c>'
        cell = moment.isoformat(" ") if style == 2 else moment.date().isoformat()
    text = escape(_NEEDS_ESCAPE.sub(_escaped, cell[:CELL_LENGTH_MAX]))
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _escaped(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"
