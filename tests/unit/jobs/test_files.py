"""The open file of a job: the same rows again, from anywhere, and never too much at once."""

import io

import pytest

from shared.jobs.files import CHARACTERS_AT_ONCE, OpenFile
from shared.tables.reading import Asked
from tests.service.jobs.records import workbook_of

CSV = ("编号,名称\n" + "".join(f"{n},客户{n}\n" for n in range(2, 12))).encode()
BOOK = workbook_of([["编号", "名称"], *([str(n), f"客户{n}"] for n in range(2, 12))])
OBJECTS = "".join(f'{{"编号": {n}, "名称": "客户{n}"}}\n' for n in range(2, 12)).encode()


@pytest.mark.parametrize(("content", "first"), [(CSV, 2), (BOOK, 2), (OBJECTS, 1)])
def test_a_batch_can_be_asked_for_again_and_from_anywhere(content: bytes, first: int) -> None:
    opened = OpenFile(io.BytesIO(content), Asked())

    def numbers(after: int, size: int) -> list[int]:
        return [row.number for row in opened.batch(after, size)]

    rows = list(range(first, first + 10))
    assert numbers(0, 3) == rows[:3]
    assert numbers(0, 3) == rows[:3]
    assert numbers(rows[2], 3) == rows[3:6]
    assert numbers(rows[7], 9) == rows[8:]
    assert numbers(rows[9], 9) == []
    assert numbers(rows[9], 9) == []
    assert numbers(0, 2) == rows[:2]
    assert numbers(rows[4], 2) == rows[5:7]
    opened.skip_to(rows[1])
    assert numbers(rows[1], 2) == rows[2:4]


def test_rows_are_counted_without_being_kept() -> None:
    opened = OpenFile(io.BytesIO(CSV), Asked())
    assert [opened.count(4), opened.count(4), opened.count(4), opened.count(4)] == [4, 4, 2, 0]
    assert [row.number for row in opened.batch(0, 2)] == [2, 3]


def test_long_rows_make_small_batches() -> None:
    row = ",".join(["长" * 30_000] * 30) + "\n"
    content = ",".join(f"c{n}" for n in range(30)) + "\n" + row * 20
    opened = OpenFile(io.BytesIO(content.encode()), Asked())
    after, sizes = 0, []
    while rows := opened.batch(after, 1_000):
        sizes.append(len(rows))
        after = rows[-1].number
    assert sum(sizes) == 20
    assert max(sizes) == 1 + CHARACTERS_AT_ONCE // 900_000
