"""What a table of a file is: a header and numbered rows of cells, within limits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypeAlias

Cell: TypeAlias = str | date | datetime | None
"""Text as the file has it, or a day or moment where the file itself says that it is one."""


class Format(StrEnum):
    """The formats of files."""

    CSV = "csv"
    XLSX = "xlsx"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold. Lengths are characters, sizes bytes."""

    columns: int = 1_000
    cell_length: int = 32_767
    row_length: int = 1_000_000
    rows: int = 5_000_000
    unpacked: int = 2_147_483_648
    """All parts of an XLSX file together, and never more than ``packing`` times the file."""
    packing: int = 200


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its number in the file, where the first line or row is number 1.

    ``cells`` stand in the order of the header; a short row has fewer, a long one more.
    """

    number: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """An open table. ``rows`` leaves out rows without content and can be gone through once.

    The header of NDJSON is what the objects have in all, so it is known from a first reading.
    """

    format: Format
    header: Sequence[str]
    rows: Iterator[Row]
    encoding: str | None = None
    delimiter: str | None = None
