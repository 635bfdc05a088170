"""Lines of the organisation say on any day what climbing from parent to parent says."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.directory.closure import ALWAYS, FOREVER, Line, Placement, lines, steps_of

UNITS = [UUID(int=number) for number in range(1, 7)]
START = date(2024, 1, 1)
DAYS = [START + timedelta(days=number) for number in range(8)]
ASKED = [date(1990, 1, 1), *DAYS, date(2100, 1, 1)]

placed = st.dictionaries(
    st.tuples(st.sampled_from(UNITS), st.sampled_from(DAYS)),
    st.one_of(st.none(), st.sampled_from(UNITS)),
    max_size=20,
).map(lambda found: [Placement(unit, day, parent) for (unit, day), parent in found.items()])


def parent_on(placements: Sequence[Placement], unit_id: UUID, day: date) -> UUID | None:
    held = [one for one in placements if one.unit_id == unit_id and one.valid_from <= day]
    return max(held, key=lambda one: one.valid_from).parent_id if held else None


def above(placements: Sequence[Placement], unit_id: UUID, day: date) -> set[UUID]:
    """Climb until there is no parent, or one that was met already."""
    met: set[UUID] = set()
    here: UUID | None = unit_id
    while here is not None and here not in met:
        met.add(here)
        here = parent_on(placements, here, day)
    return met


@given(placed, st.randoms(use_true_random=False))
def test_lines_say_on_any_day_what_climbing_says(
    placements: list[Placement], dice: random.Random
) -> None:
    dice.shuffle(placements)
    steps = steps_of(placements)
    for unit in UNITS:
        found = lines(steps, unit)
        for day in ASKED:
            on_day = {line.above_id for line in found if line.starts <= day < line.ends}
            assert on_day == above(placements, unit, day)


@given(placed)
def test_spans_of_a_line_neither_overlap_nor_touch(placements: list[Placement]) -> None:
    steps = steps_of(placements)
    for unit in UNITS:
        for one, next_one in pairwise(sorted(lines(steps, unit))):
            assert one.starts < one.ends
            assert one.above_id != next_one.above_id or one.ends < next_one.starts


def test_a_unit_without_any_placement_is_a_line_of_its_own_for_ever() -> None:
    (unit, *_) = UNITS
    assert lines({}, unit) == {Line(unit, unit, ALWAYS, FOREVER)}


def test_a_circle_ends_before_the_first_unit_that_was_met() -> None:
    first, second, third, *_ = UNITS
    placements = [
        Placement(first, START, second),
        Placement(second, START, third),
        Placement(third, START, second),
    ]
    assert lines(steps_of(placements), first) == {
        Line(first, first, ALWAYS, FOREVER),
        Line(first, second, START, FOREVER),
        Line(first, third, START, FOREVER),
    }


def test_a_move_and_back_leaves_a_gap() -> None:
    unit, head, other, *_ = UNITS
    away, back = DAYS[2], DAYS[5]
    placements = [
        Placement(unit, START, head),
        Placement(unit, away, other),
        Placement(unit, back, head),
    ]
    assert lines(steps_of(placements), unit) - {Line(unit, unit, ALWAYS, FOREVER)} == {
        Line(unit, head, START, away),
        Line(unit, other, away, back),
        Line(unit, head, back, FOREVER),
    }
