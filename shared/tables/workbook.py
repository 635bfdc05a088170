"""XLSX: the rows of one sheet, each cell as the file has it.

Text keeps its leading zeros. A number keeps the digits that are written, see number_formats.py. A
cell whose format shows a date is that date. A formula is its last result.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, Final

from shared.tables.errors import (
    CellTooLong,
    FileBroken,
    FileEmpty,
    SheetNotFound,
    TooManyColumns,
    TooManyRows,
)
from shared.tables.model import Cell, Format, Limits, Row, Table
from shared.tables.number_formats import date_styles, moment_of, plain_number
from shared.tables.package import Attributes, Package, elements
from shared.tables.shared_strings import SharedStrings

_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PLACE: Final = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
_WORDS: Final = {"1": "TRUE", "0": "FALSE"}
UNREADABLE: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class _Book:
    """What holds for all cells."""

    strings: SharedStrings
    dates: frozenset[str]
    from_1904: bool


def read_workbook(stream: BinaryIO, limits: Limits, sheet: str | None = None) -> Table:
    """Open a sheet of an XLSX file, the first that is not hidden when none is named."""
    package = Package(stream, limits)
    main = _target(package, "_rels/.rels", "officeDocument", "") or "xl/workbook.xml"
    parts = elements(package, main)
    chosen = _sheet(parts, sheet)
    folder = main.rpartition("/")[0]
    rels = f"{folder}/_rels/{main.rpartition('/')[2]}.rels".lstrip("/")
    part = _by_id(package, rels, chosen, folder)
    shared = _target(package, rels, "sharedStrings", folder)
    styles = _target(package, rels, "styles", folder)
    dates = date_styles(elements(package, styles)) if styles else frozenset()
    from_1904 = any(n == "workbookPr" and a.get("date1904") in {"1", "true"} for n, a in parts)

    def sheet_with(strings: SharedStrings) -> _Sheet:
        return _Sheet(_Book(strings, dates, from_1904), limits)

    rows = _rows(package, part, shared, sheet_with, limits)
    first = next(rows, None)
    if first is None:
        raise FileEmpty
    header = [str(cell or "").strip() for cell in first.cells]
    return Table(Format.XLSX, header, rows)


def _rows(
    package: Package,
    part: str,
    shared: str | None,
    sheet_with: Callable[[SharedStrings], "_Sheet"],
    limits: Limits,
) -> Iterator[Row]:
    """Yield the rows; the shared strings live as long as somebody reads."""
    with closing(SharedStrings(limits)) as strings:
        if shared:
            package.read_whole(shared, strings)
        sheet = sheet_with(strings)
        for _ in package.read(part, sheet):
            yield from sheet.done
            sheet.done.clear()


def _sheet(parts: list[tuple[str, Attributes]], wanted: str | None) -> str:
    """Return the relationship of the wanted sheet."""
    sheets = [attributes for name, attributes in parts if name == "sheet"]
    if wanted is not None:
        found = [one for one in sheets if one.get("name") == wanted]
    else:
        found = [one for one in sheets if one.get("state", "visible") == "visible"] or sheets
    if not found:
        names = [one.get("name", "") for one in sheets]
        raise SheetNotFound(sheet=wanted or "–", sheets=names or "–")
    return found[0].get("id", "")


def _relations(package: Package, part: str) -> list[Attributes]:
    if part not in package.parts:
        return []
    return [found for name, found in elements(package, part) if name == "Relationship"]


def _target(package: Package, rels: str, kind: str, folder: str) -> str | None:
    for relation in _relations(package, rels):
        if relation.get("Type", "").endswith(f"/{kind}"):
            return _joined(folder, relation.get("Target", ""))
    return None


def _by_id(package: Package, rels: str, relation_id: str, folder: str) -> str:
    for relation in _relations(package, rels):
        if relation.get("Id") == relation_id:
            return _joined(folder, relation.get("Target", ""))
    raise FileBroken(reason=rels[-80:])


def _joined(folder: str, target: str) -> str:
    if target.startswith("/"):
        return target[1:]
    parts = [part for part in folder.split("/") if part]
    for step in target.split("/"):
        if step == "..":
            parts = parts[:-1]
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


class _Sheet:
    """Reads the part of a sheet; finished rows wait in ``done``."""

    def __init__(self, book: _Book, limits: Limits) -> None:
        self.done: list[Row] = []
        self._book = book
        self._limits = limits
        self._number = 0
        self._cells: list[Cell] = []
        self._cell: Mapping[str, str] = {}
        self._pieces: list[str] = []
        self._length = 0
        self._within = False
        self._aside = 0

    def start(self, name: str, attributes: Attributes) -> None:
        """Take the start of an element."""
        if name == "c":
            self._cell = attributes
            self._pieces.clear()
            self._length = 0
        elif name in {"v", "t"}:
            self._within = not self._aside
        elif name == "row":
            self._begin(attributes.get("r", ""))
        elif name == "rPh":
            self._aside += 1

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name in {"v", "t"}:
            self._within = False
        elif name == "c":
            self._take()
        elif name == "row":
            if any(cell is not None for cell in self._cells):
                self.done.append(Row(self._number, self._cells))
            self._cells = []
        elif name == "rPh":
            self._aside -= 1

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._within:
            self._pieces.append(text)
            self._length += len(text)
            if self._length > self._limits.cell_length:
                raise CellTooLong(row=self._number, most=self._limits.cell_length)

    def _begin(self, written: str) -> None:
        told = int(written) if written.isdecimal() and len(written) < 10 else 0
        self._number = max(self._number + 1, told)
        if self._number > self._limits.rows:
            raise TooManyRows(most=self._limits.rows)

    def _take(self) -> None:
        if not self._pieces:
            return
        place = _column(self._cell.get("r", ""), len(self._cells))
        if place >= self._limits.columns:
            raise TooManyColumns(row=self._number, most=self._limits.columns)
        while len(self._cells) < place:
            self._cells.append(None)
        value = self._value("".join(self._pieces))
        if len(self._cells) > place:
            self._cells[place] = value
        else:
            self._cells.append(value)

    def _value(self, text: str) -> Cell:
        kind = self._cell.get("t", "n")
        if kind == "s":
            try:
                return _unescaped(self._book.strings[int(text)])
            except (IndexError, ValueError) as error:
                raise FileBroken(reason="sharedStrings") from error
        if kind == "b":
            return _WORDS.get(text, text)
        if kind == "d":
            return _iso(text)
        if kind in {"n", ""}:
            return self._number_of(text)
        return _unescaped(text)

    def _number_of(self, text: str) -> Cell:
        if self._cell.get("s", "0") in self._book.dates:
            moment = moment_of(text, from_1904=self._book.from_1904)
            if moment is not None:
                return moment
        return plain_number(text)


def _column(place: str, following: int) -> int:
    """Return the column of a cell such as ``AB12``, counted from 0; without one the following."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return following
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _iso(text: str) -> Cell:
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return text
    return moment if moment.time() != datetime.min.time() else date(*moment.timetuple()[:3])


def _unescaped(text: str) -> str:
    """Return the text with what XML cannot hold: Excel writes a line break as ``_x000A_``."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return UNREADABLE if code == 0 or 0xD800 <= code < 0xE000 else chr(code)
