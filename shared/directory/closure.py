"""Lines of the organisation: from where units hang to which units are above which, by date."""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

ALWAYS: Final = date.min
"""Before all days; '-infinity' in the database."""
FOREVER: Final = date.max
"""Behind all days; 'infinity' in the database."""


class Placement(NamedTuple):
    """Where a unit hangs from a date on, until its next placement."""

    unit_id: UUID
    valid_from: date
    parent_id: UUID | None


class Span(NamedTuple):
    """Days from ``starts`` to the day before ``ends``."""

    starts: date
    ends: date


class Step(NamedTuple):
    """A parent, and the days on which a unit hangs there."""

    span: Span
    parent_id: UUID


class Line(NamedTuple):
    """A unit is below another, or is that unit, on the days of a span."""

    unit_id: UUID
    above_id: UUID
    starts: date
    ends: date


def steps_of(placements: Iterable[Placement]) -> Mapping[UUID, Sequence[Step]]:
    """Return the parents of each unit; days without a parent are left out."""
    by_unit: defaultdict[UUID, list[Placement]] = defaultdict(list)
    for placement in placements:
        insort(by_unit[placement.unit_id], placement, key=lambda one: one.valid_from)
    return {unit_id: list(_steps(in_order)) for unit_id, in_order in by_unit.items()}


def _steps(in_order: Sequence[Placement]) -> Iterator[Step]:
    dates = [*(placement.valid_from for placement in in_order[1:]), FOREVER]
    for placement, ends in zip(in_order, dates, strict=True):
        if placement.parent_id is not None:
            yield Step(Span(placement.valid_from, ends), placement.parent_id)


def lines(steps: Mapping[UUID, Sequence[Step]], unit_id: UUID) -> set[Line]:
    """Return the lines of a unit upwards, itself included, each as few spans as there can be.

    Where units hang in a circle, which events out of order may show for a moment, the way up ends
    before the first unit that it has met already.
    """
    found: defaultdict[UUID, list[Span]] = defaultdict(list)
    ways: list[tuple[tuple[UUID, ...], Span]] = [((unit_id,), Span(ALWAYS, FOREVER))]
    while ways:
        path, span = ways.pop()
        found[path[-1]].append(span)
        for step in steps.get(path[-1], ()):
            common = Span(max(span.starts, step.span.starts), min(span.ends, step.span.ends))
            if common.starts < common.ends and step.parent_id not in path:
                ways.append(((*path, step.parent_id), common))
    return {
        Line(unit_id, above_id, *span)
        for above_id, spans in found.items()
        for span in joined(spans)
    }


def joined(spans: Iterable[Span]) -> Sequence[Span]:
    """Return spans that do not overlap in order, those that touch made into one."""
    whole: list[Span] = []
    for span in sorted(spans):
        if whole and whole[-1].ends == span.starts:
            whole[-1] = Span(whole[-1].starts, span.ends)
        else:
            whole.append(span)
    return whole
