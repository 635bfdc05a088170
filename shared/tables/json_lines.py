"""NDJSON: one object a line. Objects inside are flattened by points, lists stay JSON text.

``{"amount": {"amount": "1.00"}}`` is the column ``amount.amount``. Numbers stay the text that the
file has: ``1.10`` is not ``1.1``.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from shared.tables.encoding import MARK
from shared.tables.errors import (
    CellTooLong,
    EncodingUnknown,
    FileEmpty,
    RowNotJson,
    RowTooLong,
    TooManyColumns,
    TooManyRows,
)
from shared.tables.model import Cell, Format, Limits, Row, Table

DEPTH_MAX: Final = 4
UNREADABLE: Final = "\ufffd"


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def read_json_lines(stream: BinaryIO, limits: Limits, header: Sequence[str] | None = None) -> Table:
    """Open an NDJSON file in UTF-8; ``header`` saves the first of two readings."""
    names = list(header or _names(stream, limits))
    if not names:
        raise FileEmpty
    places = {name: place for place, name in enumerate(names)}
    return Table(Format.NDJSON, names, _rows(stream, limits, places), "utf-8")


def _names(stream: BinaryIO, limits: Limits) -> list[str]:
    names: dict[str, None] = {}
    for number, found in _objects(stream, limits):
        names.update(dict.fromkeys(found))
        if len(names) > limits.columns:
            raise TooManyColumns(row=number, most=limits.columns)
    return list(names)


def _rows(stream: BinaryIO, limits: Limits, places: dict[str, int]) -> Iterator[Row]:
    for number, found in _objects(stream, limits):
        cells: list[Cell] = [None] * len(places)
        for name, value in found.items():
            cells[places[name]] = value
        if any(cell is not None for cell in cells):
            yield Row(number, cells)


def _objects(stream: BinaryIO, limits: Limits) -> Iterator[tuple[int, dict[str, str | None]]]:
    stream.seek(0)
    number = 0
    while line := stream.readline(limits.row_length + 1):
        number += 1
        if len(line) > limits.row_length:
            raise RowTooLong(row=number, most=limits.row_length)
        if number > limits.rows:
            raise TooManyRows(most=limits.rows)
        try:
            text = line.decode("utf-8").removeprefix(MARK).strip()
        except UnicodeDecodeError as error:
            raise EncodingUnknown(position=stream.tell() - len(line) + error.start + 1) from error
        if text:
            yield number, _flat(_object(text, number), number, limits)


def _object(text: str, number: int) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RowNotJson(row=number) from error
    if not isinstance(found, dict):
        raise RowNotJson(row=number)
    return found


def _no_number(word: str) -> str:
    raise ValueError(word)


def _flat(found: dict[str, Any], row: int, limits: Limits) -> dict[str, str | None]:
    cells: dict[str, str | None] = {}
    waiting = [("", found, 1)]
    while waiting:
        above, inner, depth = waiting.pop(0)
        for name, value in inner.items():
            key = _whole(above + name)
            if isinstance(value, dict) and value and depth < DEPTH_MAX:
                waiting.append((f"{key}.", value, depth + 1))
                continue
            cells[key] = _text(value)
            if max(len(key), len(cells[key] or "")) > limits.cell_length:
                raise CellTooLong(row=row, most=limits.cell_length)
    return cells


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _whole(value)
    return _whole(json.dumps(value, ensure_ascii=False))


def _whole(text: str) -> str:
    """Return the text without lone surrogates and NUL, which no database keeps.

    What takes their place is refused by every type of text, or seen by whoever reads it.
    """
    if text.isprintable():
        return text
    return (
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", UNREADABLE)
    )
