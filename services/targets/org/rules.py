"""What the organisation allows: no unit below itself, on any date."""

from collections.abc import Mapping
from uuid import UUID

from services.targets.org.model import Placement, Steps, climb
from shared.errors import Refused


class UnitBelowItself(Refused):
    """A placement that would close a circle."""

    en = "Unit {parent_id} is itself below unit {unit_id} on {day}. Choose another parent."
    zh = "单元 {parent_id} 在 {day} 已位于单元 {unit_id} 之下，请选择其他上级。"


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
