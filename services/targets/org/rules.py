"""What the organisation allows: no unit below itself on any date, and nobody an own post."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.targets.org.model import Assignment, Placement, Steps, climb
from shared.errors import Refused


class UnitBelowItself(Refused):
    """A placement that would close a circle."""

    en = "Unit {parent_id} is itself below unit {unit_id} on {day}. Choose another parent."
    zh = "单元 {parent_id} 在 {day} 已位于单元 {unit_id} 之下，请选择其他上级。"


@dataclass(frozen=True, slots=True)
class Leading:
    """What the asking member leads from the day of a change on: units, and units below those."""

    member_id: UUID
    led: set[UUID]
    below: set[UUID]

    def reaches(self, post: Assignment | None) -> bool:
        """Tell whether who holds a post is below the asker; who leads the same unit is not."""
        if post is None:
            return False
        return post.unit_id in self.below or (post.unit_id in self.led and not post.leads)


def is_own_post(leading: Leading, held: Assignment | None, wanted: Assignment) -> bool:
    """Tell whether it is the asker's own post, or one that brings somebody below the asker."""
    comes_below = leading.reaches(wanted) and not leading.reaches(held)
    return wanted.member_id == leading.member_id or comes_below


def is_own_unit(leading: Leading, held: Placement | None, wanted: Placement) -> bool:
    """Tell whether the asker leads the unit that moves, or whether it comes below the asker."""
    reached = leading.led | leading.below
    comes_below = wanted.parent_id in reached and (held is None or held.parent_id not in reached)
    return wanted.unit_id in leading.led or comes_below


def refuse_circle(parent_of: Mapping[UUID, Steps], placement: Placement) -> None:
    """Look at every date on which a unit moves, from the placement on; raises UnitBelowItself."""
    if placement.parent_id is None:
        return
    after = {**parent_of, placement.unit_id: _placed(parent_of.get(placement.unit_id), placement)}
    days = {day for steps in after.values() for day in steps.dates}
    for day in sorted(day for day in days if day >= placement.valid_from):
        if placement.unit_id in climb(after, placement.parent_id, day):
            raise UnitBelowItself(
                parent_id=placement.parent_id,
                unit_id=placement.unit_id,
                day=day,
                pointer="/parent_id",
            )


def _placed(steps: Steps | None, placement: Placement) -> Steps:
    values = {} if steps is None else dict(zip(steps.dates, steps.values, strict=True))
    values[placement.valid_from] = placement.parent_id
    dates = sorted(values)
    return Steps(dates, [values[day] for day in dates])
