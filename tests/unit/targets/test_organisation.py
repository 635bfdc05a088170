"""The organisation on a day: what rolls up to what, and which placements close a circle."""

from datetime import date

import pytest

from services.targets.org import model, rules
from services.targets.org.model import Organisation, Placement, Steps
from services.targets.org.rules import UnitBelowItself
from shared.ids import new_id

HEAD, REGION, TEAM, MEMBER = new_id(), new_id(), new_id(), new_id()
EARLY, LATE = date(2020, 1, 1), date(2026, 7, 1)
PARENTS = {
    HEAD: Steps([EARLY], [None]),
    REGION: Steps([EARLY], [HEAD]),
    TEAM: Steps([EARLY, LATE], [HEAD, REGION]),
}


def organisation() -> Organisation:
    return Organisation(new_id(), {MEMBER: Steps([EARLY, LATE], [TEAM, None])}, PARENTS)


@pytest.mark.parametrize(
    ("day", "path"),
    [
        (date(2019, 12, 31), ()),
        (EARLY, (TEAM, HEAD)),
        (date(2026, 6, 30), (TEAM, HEAD)),
        (LATE, ()),
    ],
)
def test_a_member_rolls_up_by_the_day(day: date, path: tuple[object, ...]) -> None:
    assert organisation().path(MEMBER, day) == path


def test_what_was_climbed_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "PATHS_MAX", 3)
    held = organisation()
    for day in range(1, 29):
        assert held.path(MEMBER, date(2024, 2, day)) == (TEAM, HEAD)
        assert len(held._paths) <= 3


def test_a_circle_is_refused_only_where_it_closes() -> None:
    rules.refuse_circle(PARENTS, Placement(TEAM, LATE, None))
    rules.refuse_circle({**PARENTS, TEAM: Steps([EARLY], [None])}, Placement(HEAD, LATE, TEAM))
    with pytest.raises(UnitBelowItself) as refused:
        rules.refuse_circle(PARENTS, Placement(HEAD, EARLY, REGION))
    assert refused.value.facts["day"] == EARLY
    with pytest.raises(UnitBelowItself) as later:
        rules.refuse_circle(
            {HEAD: PARENTS[HEAD], TEAM: Steps([EARLY, LATE], [None, HEAD])},
            Placement(HEAD, EARLY, TEAM),
        )
    assert later.value.facts["day"] == LATE
