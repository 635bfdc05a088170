"""Writing tables piece by piece, so that a million rows take no memory.

CSV is for spreadsheets: text that begins like a formula gets an apostrophe before it, which our own
reading takes off again; plain numbers stay. XLSX and NDJSON need no such guard: there text is text.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, Protocol

import orjson

from shared.tables.conversions import to_text
from shared.tables.delimited import FORMULA_STARTS, GUARDS
from shared.tables.encoding import MARK
from shared.tables.model import Cell, Format
from shared.tables.xlsx_writing import WorkbookWriter

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_CONTROL_STARTS: Final = ("\t", "\r")
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.NDJSON: "application/x-ndjson",
}


class Writer(Protocol):
    """Turns rows into the bytes of a file; what is ready is returned at once."""

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Return the bytes of some more rows; the first row of all is the header."""

    def end(self) -> bytes:
        """Return what ends the file."""


def writer_of(form: Format, header: Sequence[str], *, mark: bool = True) -> Writer:
    """Return the writer of a format; with ``mark`` CSV begins with a byte order mark, for Excel."""
    if form is Format.XLSX:
        return WorkbookWriter(header)
    return LineWriter(header) if form is Format.NDJSON else DelimitedWriter(header, mark=mark)


class DelimitedWriter:
    """Writes CSV in UTF-8 with CRLF (RFC 4180)."""

    def __init__(self, header: Sequence[str], *, mark: bool) -> None:
        self._text = io.StringIO(MARK if mark else "", newline="")
        self._text.seek(0, io.SEEK_END)
        self._csv = csv.writer(self._text)
        self._csv.writerow([guarded(name) for name in header])

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Return the bytes of some more rows."""
        self._csv.writerows([guarded(to_text(cell)) for cell in row] for row in rows)
        written = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return written

    def end(self) -> bytes:
        """Return what is left."""
        return self.write(())


class LineWriter:
    """Writes NDJSON: flat objects of text; a cell without content is left out."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Return the bytes of some more rows."""
        return b"".join(
            orjson.dumps(self._named(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows
        )

    def _named(self, row: Sequence[Cell]) -> dict[str, str | None]:
        return {
            name: to_text(cell)
            for name, cell in zip(self._header, row, strict=False)
            if cell is not None
        }

    def end(self) -> bytes:
        """Return nothing: the last line has its end."""
        return b""


def guarded(text: str | None) -> str | None:
    """Return the text so that no spreadsheet takes it for a formula."""
    if not text or _NUMBER.fullmatch(text):
        return text
    if text.startswith((*FORMULA_STARTS, *GUARDS, *_CONTROL_STARTS)):
        return f"'{text}"
    return text


def is_day(cell: Cell) -> bool:
    """Tell whether a cell is a date without time."""
    return isinstance(cell, date) and not isinstance(cell, datetime)
