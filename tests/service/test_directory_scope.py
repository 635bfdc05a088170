"""Row scopes by the directory: what SQL finds is what going through everybody finds."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import date
from uuid import UUID

import pytest

from shared.contracts.contract import Contract
from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection, Database
from shared.directory import scope, upkeep
from shared.directory.closure import Placement
from shared.ids import new_id
from shared.sql import Parameters
from tests.service.conftest import Installation
from tests.service.test_directory import DAYS, FIRST, hear, told_by
from tests.unit.shared.test_directory_closure import above

EVERY_MEMBER = "SELECT m.member_id AS id FROM directory_member AS m WHERE "
EVERY_UNIT = "SELECT u.unit_id AS id FROM directory_unit AS u WHERE "


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    async with installation.open("pipeline") as opened:
        yield opened


class Model:
    """Everybody's post on a day, found by going through all facts."""

    def __init__(self, told: Sequence[Contract], day: date) -> None:
        newest = upkeep.newest(told)
        placements = [
            Placement(one.unit_id, one.valid_from, one.parent_id)
            for one in newest
            if isinstance(one, UnitPlaced)
        ]
        self.units = {one.unit_id for one in newest if isinstance(one, UnitSaved)}
        self.above = {unit: above(placements, unit, day) for unit in self.units}
        self.posts: dict[UUID, MemberAssigned] = {}
        moves = [one for one in newest if isinstance(one, MemberAssigned) and one.valid_from <= day]
        for move in sorted(moves, key=lambda one: one.valid_from):
            self.posts[move.member_id] = move

    def unit_of(self, viewer: UUID, *, territory: bool) -> UUID | None:
        post = self.posts.get(viewer)
        return post.unit_id if post is not None and (territory or post.leads) else None

    def units_below(self, viewer: UUID, *, territory: bool) -> set[UUID]:
        top = self.unit_of(viewer, territory=territory)
        return {unit for unit in self.units if top in self.above[unit]}

    def members_below(self, viewer: UUID, *, territory: bool) -> set[UUID]:
        top = self.unit_of(viewer, territory=territory)
        below = self.units_below(viewer, territory=territory)
        return {viewer} | {
            member
            for member, post in self.posts.items()
            if post.unit_id in below and (territory or post.unit_id != top or not post.leads)
        }


async def found(
    conn: Connection, reach: scope.Reach, every: str, column: str, size: int
) -> set[UUID]:
    parameters = Parameters()
    where = reach(parameters, column)
    rows = await conn.fetch(every + where, *parameters.values)
    assert len(rows) <= size
    return {row["id"] for row in rows}


@pytest.mark.parametrize("seed", range(3))
async def test_rows_in_reach_are_those_that_going_through_everybody_finds(
    database: Database, seed: int
) -> None:
    told = told_by(random.Random(seed), units=10, members=25)
    await hear(database, told)
    members = {fact.member_id for fact in told if isinstance(fact, MemberSaved)}
    leaders = 0
    async with database.acquire() as conn:
        for day in (FIRST.replace(year=2020), *DAYS[::3]):
            model = Model(told, day)
            for viewer in members:
                for territory in (False, True):
                    reach = scope.members(viewer, day, territory=territory)
                    seen = await found(conn, reach, EVERY_MEMBER, "m.member_id", len(members))
                    assert seen == model.members_below(viewer, territory=territory)
                    leaders += len(seen) > 1
                    reach = scope.units(viewer, day, territory=territory)
                    seen = await found(conn, reach, EVERY_UNIT, "u.unit_id", len(model.units))
                    assert seen == model.units_below(viewer, territory=territory)
    assert leaders > 10


async def test_leaders_of_one_unit_are_not_below_each_other_except_in_their_territory(
    database: Database,
) -> None:
    head, team, chen, zhou, fang, lei = (new_id() for _ in range(6))
    told: list[Contract] = [
        UnitSaved(version=1, unit_id=head, name="总部", kind="company"),
        UnitSaved(version=1, unit_id=team, name="杭州一队", kind="team"),
        UnitPlaced(version=2, unit_id=head, parent_id=None, valid_from=FIRST),
        UnitPlaced(version=2, unit_id=team, parent_id=head, valid_from=FIRST),
    ]
    for member, unit, leads in (
        (chen, head, True),
        (zhou, head, True),
        (fang, team, True),
        (lei, team, False),
    ):
        told.append(MemberSaved(version=1, member_id=member))
        told.append(
            MemberAssigned(version=2, member_id=member, unit_id=unit, leads=leads, valid_from=FIRST)
        )
    await hear(database, told)
    everybody = {chen, zhou, fang, lei}
    seen = {
        (chen, False): {chen, fang, lei},
        (chen, True): everybody,
        (fang, False): {fang, lei},
        (lei, False): {lei},
        (lei, True): {fang, lei},
    }
    async with database.acquire() as conn:
        for (viewer, territory), members in seen.items():
            reach = scope.members(viewer, DAYS[1], territory=territory)
            assert await found(conn, reach, EVERY_MEMBER, "m.member_id", 4) == members


async def test_a_viewer_whom_the_directory_does_not_know_reaches_own_rows_only(
    database: Database,
) -> None:
    viewer = new_id()
    await hear(database, [MemberSaved(version=1, member_id=new_id())])
    async with database.acquire() as conn:
        parameters = Parameters("其他条件")
        where = scope.members(viewer, FIRST, territory=True)(parameters, "o.owner_id")
        owners = "SELECT o.owner_id, $1::text FROM (VALUES ($4::uuid), ($5::uuid)) AS o (owner_id) "
        parameters.values += [viewer, new_id()]
        rows = await conn.fetch(owners + "WHERE " + where, *parameters.values)
        assert [row["owner_id"] for row in rows] == [viewer]
