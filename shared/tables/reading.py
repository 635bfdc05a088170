"""Opening a table: which format it is, by its content and not by its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from shared.tables.delimited import read_delimited
from shared.tables.errors import FileEmpty, FormatNotRead
from shared.tables.json_lines import read_json_lines
from shared.tables.model import LIMITS, Format, Limits, Table
from shared.tables.workbook import read_workbook


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sender says about a file; what is None is recognised."""

    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header: Sequence[str] | None = None
    """The columns of an NDJSON file that has been gone through before; saves doing so again."""


_RECOGNISED = Asked()


def open_table(stream: BinaryIO, asked: Asked = _RECOGNISED, limits: Limits = LIMITS) -> Table:
    """Open the table in a file that can be gone through more than once.

    Raises what errors.py tells, also while the rows are read.
    """
    kind = asked.format or format_of(stream)
    if kind is Format.XLSX:
        return read_workbook(stream, limits, asked.sheet)
    if kind is Format.NDJSON:
        return read_json_lines(stream, limits, asked.header)
    return read_delimited(stream, limits, asked.encoding, asked.delimiter)


def format_of(stream: BinaryIO) -> Format:
    """Return the format of a file by its first bytes; raises FileEmpty and FormatNotRead."""
    stream.seek(0)
    start = stream.read(4_096)
    stream.seek(0)
    if not start.strip():
        raise FileEmpty
    if start.startswith(b"PK\x03\x04"):
        return Format.XLSX
    if start.startswith((b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise FormatNotRead
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return Format.NDJSON
    return Format.CSV
