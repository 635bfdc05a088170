"""CSV: cells between commas, semicolons or tabs, quoted where they must be (RFC 4180, and Excel).

A cell that our own writer guarded against being taken for a formula loses its guard.
"""

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Final

from shared.tables.encoding import MARK, encoding_of
from shared.tables.errors import (
    CellTooLong,
    EncodingDiffers,
    FileBroken,
    FileEmpty,
    NotText,
    QuoteNotClosed,
    RowTooLong,
    TooManyColumns,
    TooManyRows,
)
from shared.tables.model import Cell, Format, Limits, Row, Table

DELIMITERS: Final = (",", ";", "\t")
SAMPLE_ROWS: Final = 20
FORMULA_STARTS: Final = ("=", "+", "-", "@")
GUARDS: Final = tuple(f"'{start}" for start in FORMULA_STARTS)
_SEPARATOR: Final = "sep="  # Excel's own first line that names the delimiter


def read_delimited(
    stream: BinaryIO, limits: Limits, encoding: str | None = None, delimiter: str | None = None
) -> Table:
    """Open a CSV file; what is not named is recognised. Raises what errors.py tells."""
    codec = encoding or encoding_of(stream)
    chosen = delimiter or _delimiter(stream, codec, limits)
    rows = _rows(stream, codec, chosen, limits)
    header = next(rows, None)
    if header is None:
        raise FileEmpty
    names = [str(cell or "").strip() for cell in header.cells]
    return Table(Format.CSV, names, rows, codec.removesuffix("-sig"), chosen)


def _rows(stream: BinaryIO, codec: str, delimiter: str, limits: Limits) -> Iterator[Row]:
    """Yield the rows with content, the header among them."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, codec, errors="strict", newline="")
    lines = _Lines(text, limits)
    found = csv.reader(lines, delimiter=delimiter, strict=False)
    number = 0
    try:
        for cells in found:
            number += 1
            if number == 1 and len(cells) == 1 and cells[0].lower().startswith(_SEPARATOR):
                continue
            if len(cells) == 2 and number == 1 and cells[0].lower() == _SEPARATOR:
                continue  # "sep=," read with a comma
            if any(cells):
                yield Row(number, _checked(cells, number, limits))
            lines.row = number + 1
    except csv.Error as error:
        raise QuoteNotClosed(row=number + 1) from error
    except UnicodeDecodeError as error:
        raise EncodingDiffers(encoding=codec, row=number + 1) from error
    finally:
        with contextlib.suppress(ValueError):  # the file may be closed before this is let go
            text.detach()


class _Lines:
    """The lines of a text, each bounded, so that a file without line breaks is no memory bomb."""

    def __init__(self, text: io.TextIOWrapper, limits: Limits) -> None:
        self._text = text
        self._most = limits.row_length
        self.row = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._most + 1)
        if not line:
            raise StopIteration
        if len(line) > self._most:
            raise RowTooLong(row=self.row, most=self._most)
        if "\0" in line:
            raise NotText(row=self.row)
        return line.removeprefix(MARK) if self.row == 1 else line


def _checked(cells: list[str], number: int, limits: Limits) -> list[Cell]:
    if number > limits.rows:
        raise TooManyRows(most=limits.rows)
    if len(cells) > limits.columns:
        raise TooManyColumns(row=number, most=limits.columns)
    if max(map(len, cells)) > limits.cell_length:
        raise CellTooLong(row=number, most=limits.cell_length)
    return [cell[1:] if cell.startswith(GUARDS) else cell for cell in cells]


def _delimiter(stream: BinaryIO, codec: str, limits: Limits) -> str:
    """Return the delimiter that cuts the first rows into the most cells, and all rows alike.

    The header decides first: a delimiter that it does not have is none.
    """
    best, chosen = (0, 0), DELIMITERS[0]
    for delimiter in DELIMITERS:
        if (named := _named(stream, codec)) is not None:
            return named
        try:
            sample = list(islice(_rows(stream, codec, delimiter, limits), SAMPLE_ROWS))
        except (QuoteNotClosed, FileBroken):
            continue
        if not sample or (width := len(sample[0].cells)) < 2:
            continue
        alike = Counter(len(row.cells) for row in sample)[width]
        if (alike, width) > best:
            best, chosen = (alike, width), delimiter
    return chosen


def _named(stream: BinaryIO, codec: str) -> str | None:
    """Return the delimiter that a first line ``sep=;`` names."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, codec, errors="replace", newline="")
    try:
        first = text.readline(16).removeprefix(MARK).strip('\r\n"')
    finally:
        text.detach()
    named = first[len(_SEPARATOR) :]
    return named if first.lower().startswith(_SEPARATOR) and named in DELIMITERS else None
