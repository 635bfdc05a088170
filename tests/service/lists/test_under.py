"""What lies under a unit on a day is found by a filter, in every service."""

import random
from datetime import date
from uuid import UUID

import orjson
import pytest

from shared.directory import trees
from shared.filters.condition import to_condition
from shared.filters.fields import Below, Field
from shared.filters.kinds import Kind, Op
from shared.filters.tree import Comparison, Place
from shared.sql import Parameters
from tests.service.conftest import Installation
from tests.service.test_directory import DAYS, FIRST, hear, told_by
from tests.service.test_directory_scope import EVERY_MEMBER, EVERY_UNIT, Model

LATER = date(2024, 12, 31)


async def found(
    installation: Installation, every: str, column: str, below: Below, place: Place
) -> set[UUID]:
    """Return the ids that a filter of the database finds under a place."""
    fields = {"id": Field(Kind.ID, column, below=below)}
    parameters = Parameters()
    where = to_condition(Comparison("id", Op.UNDER, place), fields)(parameters)
    async with installation.open("pipeline") as database, database.acquire() as conn:
        rows = await conn.fetch(every + where, *parameters.values)
    assert len(rows) == len({row["id"] for row in rows})
    return {row["id"] for row in rows}


@pytest.mark.parametrize("seed", range(2))
async def test_what_lies_under_a_unit_is_what_climbing_from_everybody_finds(
    installation: Installation, seed: int
) -> None:
    told = told_by(random.Random(seed), units=6, members=12)
    async with installation.open("pipeline") as database:
        await hear(database, told)
    for day in (FIRST, DAYS[3], LATER):
        model = Model(told, day)
        for unit in model.units:
            place = Place(unit, day)
            units = {one for one in model.units if unit in model.above[one]}
            members = {one for one, post in model.posts.items() if post.unit_id in units}
            for every, column, below, expected in (
                (EVERY_UNIT, "u.unit_id", trees.units, units),
                (EVERY_MEMBER, "m.member_id", trees.members, members),
                (EVERY_UNIT, "u.unit_id", trees.units_and_members, units),
                (EVERY_MEMBER, "m.member_id", trees.units_and_members, members),
            ):
                assert await found(installation, every, column, below, place) == expected


async def test_lists_take_what_lies_under_a_unit(installation: Installation) -> None:
    async with installation.api("targets") as api:
        ids: dict[str, str] = {}
        above = {"公司": None, "华东": "公司", "杭州一队": "华东", "华南": "公司"}
        for name, parent in above.items():
            unit = {"name": name, "kind": "region", "valid_from": "2020-01-01"}
            placed = {**unit, "parent_id": ids.get(parent or "")}
            answer = await api.put(f"/v1/units/by-external/hr/{name}", json=placed)
            ids[name] = answer.json()["id"]
        for name, unit_name in (("李雷", "杭州一队"), ("韩梅梅", "华南")):
            member = {"name": name, "unit_id": ids[unit_name], "valid_from": "2020-01-01"}
            answer = await api.put(f"/v1/members/by-external/hr/{name}", json=member)
            ids[name] = answer.json()["id"]
            target = {"scope": "member", "scope_id": ids[name], "metric": "units", "value": "7"}
            await api.put("/v1/targets", json={**target, "period": "2026-Q4"})
        for noun, field, shown, expected in (
            ("units", "id", "name", {"华东", "杭州一队"}),
            ("members", "unit_id", "name", {"李雷"}),
            ("targets", "scope_id", "scope_id", {ids["李雷"]}),
            ("attainments", "scope_id", "scope_id", {ids["李雷"]}),
        ):
            place = {"id": ids["华东"], "on": "2026-11-20"}
            asked = orjson.dumps({"field": field, "op": "under", "value": place}).decode()
            answer = await api.get(f"/v1/{noun}", params={"filter": asked, "on": "2026-11-20"})
            assert {item[shown] for item in answer.json()["items"]} == expected, noun
