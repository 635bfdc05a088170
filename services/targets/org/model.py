"""What the organisation is: units below units, members in units, all by date."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from shared.ids import External
from shared.personal import PERSONAL

PATHS_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of the organisation: a company, a region, a team."""

    id: UUID
    version: int
    name: str
    kind: str
    external: External | None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a unit hangs from a date on, until its next placement."""

    unit_id: UUID
    valid_from: date
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the sales organisation."""

    id: UUID
    version: int
    name: str = field(metadata=PERSONAL)
    external: External | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which unit a member belongs to from a date on, and whether the member leads it."""

    member_id: UUID
    valid_from: date
    unit_id: UUID | None
    leads: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """A value that changes on dates: ``values[i]`` holds from ``dates[i]`` to the next date."""

    dates: Sequence[date]
    values: Sequence[UUID | None]

    def at(self, day: date) -> UUID | None:
        """Return the value on a day, None before the first."""
        place = bisect_right(self.dates, day)
        return self.values[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Organisation:
    """The whole organisation at one revision, for roll-up on any date."""

    revision: UUID
    unit_of: Mapping[UUID, Steps]
    parent_of: Mapping[UUID, Steps]
    _paths: dict[tuple[UUID, date], tuple[UUID, ...]] = field(default_factory=dict)

    def path(self, member_id: UUID, day: date) -> tuple[UUID, ...]:
        """Return the units a member's figures roll up to on a day, nearest first."""
        known = self._paths.get((member_id, day))
        if known is None:
            if len(self._paths) >= PATHS_MAX:
                self._paths.clear()
            steps = self.unit_of.get(member_id)
            unit_id = None if steps is None else steps.at(day)
            known = climb(self.parent_of, unit_id, day)
            self._paths[member_id, day] = known
        return known


def climb(parent_of: Mapping[UUID, Steps], unit_id: UUID | None, day: date) -> tuple[UUID, ...]:
    """Return a unit and the units above it on a day, nearest first; nothing for none."""
    path: list[UUID] = []
    while unit_id is not None and unit_id not in path:
        path.append(unit_id)
        steps = parent_of.get(unit_id)
        unit_id = None if steps is None else steps.at(day)
    return tuple(path)
