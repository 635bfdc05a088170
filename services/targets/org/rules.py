"""What the organisation allows: no unit below itself, on any date."""

from dataclasses import replace

from services.targets.org.model import Organisation, Placement, Steps
from shared.errors import Refused


class UnitBelowItself(Refused):
    """A placement that would close a circle."""

    en = "Unit {parent_id} is itself below unit {unit_id} on {day}. Choose another parent."
    zh = "单元 {parent_id} 在 {day} 已位于单元 {unit_id} 之下，请选择其他上级。"


def placed(organisation: Organisation, placement: Placement) -> Organisation:
    """Return the organisation with a placement in it; raises UnitBelowItself."""
    steps = organisation.parent_of.get(placement.unit_id, Steps((), ()))
    values = dict(zip(steps.dates, steps.values, strict=True))
    values[placement.valid_from] = placement.parent_id
    dates = sorted(values)
    changed = Steps(dates, [values[day] for day in dates])
    parents = {**organisation.parent_of, placement.unit_id: changed}
    after = replace(organisation, parent_of=parents, _paths={})
    _refuse_circle(after, placement)
    return after


def _refuse_circle(organisation: Organisation, placement: Placement) -> None:
    """Look at every date on which anything above changes, from the placement on."""
    if placement.parent_id is None:
        return
    days = {day for steps in organisation.parent_of.values() for day in steps.dates}
    for day in sorted(days | {placement.valid_from}):
        above = organisation.above(placement.parent_id, day)
        if day >= placement.valid_from and placement.unit_id in above:
            raise UnitBelowItself(
                parent_id=placement.parent_id,
                unit_id=placement.unit_id,
                day=day,
                pointer="/parent_id",
            )
