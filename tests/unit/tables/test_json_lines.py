"""NDJSON: flat rows out of objects."""

import io

import pytest

from shared.tables.errors import EncodingUnknown, FileEmpty, RowNotJson, RowTooLong, TooManyColumns
from shared.tables.json_lines import read_json_lines
from shared.tables.model import LIMITS, Limits


def test_objects_become_rows_of_all_their_names() -> None:
    content = (
        '{"name": "曾惠", "amount": {"amount": "1.10", "currency": "CNY"}, "n": 1.10}\n'
        "\n"
        '{"name": null, "on": true, "lines": [{"x": "甲"}], "n": 12345678901234567890}\n'
    )
    table = read_json_lines(io.BytesIO(content.encode()), LIMITS)
    assert table.header == ["name", "n", "amount.amount", "amount.currency", "on", "lines"]
    assert [(row.number, row.cells) for row in table.rows] == [
        (1, ["曾惠", "1.10", "1.10", "CNY", None, None]),
        (3, [None, "12345678901234567890", None, None, "true", '[{"x": "甲"}]']),
    ]


def test_nul_and_lone_surrogates_become_what_no_field_takes_for_text() -> None:
    content = '{"a": "x\\u0000y", "b": "\\ud800z", "c": "\\ud83d\\ude00"}\n'
    row = next(read_json_lines(io.BytesIO(content.encode()), LIMITS).rows)
    assert row.cells == ["x\ufffdy", "\ufffdz", "😀"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", FileEmpty),
        (b"[1]\n", RowNotJson),
        (b'{"a": NaN}\n', RowNotJson),
        (b'{"a": 1\n', RowNotJson),
        (b'{"a": ' + b"[" * 100_000 + b"\n", RowNotJson),
        (b'{"a": "\xff"}\n', EncodingUnknown),
        (b'{"a": "' + b"x" * 2_000_000 + b'"}\n', RowTooLong),
        (b'{"a":1,"b":1,"c":1}\n', TooManyColumns),
    ],
)
def test_what_is_no_object_a_line_is_refused(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(read_json_lines(io.BytesIO(content), Limits(columns=2)).rows)
