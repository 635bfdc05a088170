"""Changing the organisation: what is written, what is told, and how history is found again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.targets.attainment import store
from services.targets.attainment.commands import repost
from shared import clock
from shared.context import Context
from shared.db import Connection, Database
from shared.ids import new_id
from tests.service.conftest import Installation

UNIT = {"name": "华东", "kind": "region", "parent_id": None, "valid_from": "2020-01-01"}
MEMBER = {"name": "王芳", "unit_id": None, "leads": False, "valid_from": "2020-01-01"}


@pytest.fixture
async def api(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("targets") as client:
        yield client


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    async with installation.open("targets") as opened:
        yield opened


async def put(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.put(path, json=body)
    assert answer.status_code == 200, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


async def revision(database: Database) -> UUID:
    async with database.acquire() as conn:
        found: UUID = await conn.fetchval("SELECT revision FROM organisation")
    return found


async def told(database: Database) -> list[tuple[str, int]]:
    """Return what was told: (noun and verb, version)."""
    async with database.acquire() as conn:
        rows = await conn.fetch("SELECT type, aggregate_version FROM outbox ORDER BY id")
    return [(row["type"].split(".", 2)[2], row["aggregate_version"]) for row in rows]


@pytest.mark.parametrize(
    ("path", "body", "move"),
    [
        ("/v1/units/by-external/hr/东", UNIT, {"parent_id": "top"}),
        ("/v1/members/by-external/hr/芳", MEMBER, {"leads": True}),
    ],
)
async def test_only_a_move_makes_a_new_revision(
    api: httpx.AsyncClient,
    database: Database,
    path: str,
    body: dict[str, Any],
    move: dict[str, Any],
) -> None:
    top = await put(api, "/v1/units/by-external/hr/总部", UNIT)
    await put(api, path, body)
    before, events = await revision(database), await told(database)
    await put(api, path, body)
    assert (await revision(database), await told(database)) == (before, events)
    await put(api, path, {**body, "name": "改名"})
    assert await revision(database) == before
    moved = {key: top["id"] if value == "top" else value for key, value in move.items()}
    await put(api, path, {**body, "name": "改名", **moved})
    assert await revision(database) != before


async def test_every_event_of_a_unit_or_member_has_a_version_of_its_own(
    api: httpx.AsyncClient, database: Database
) -> None:
    top = await put(api, "/v1/units/by-external/hr/总部", UNIT)
    assert top["version"] == 2
    unit = "/v1/units/by-external/hr/东"
    await put(api, unit, UNIT)
    await put(api, unit, {**UNIT, "name": "华东大区"})
    last = await put(api, unit, {**UNIT, "name": "华东大区", "parent_id": top["id"]})
    member = await put(api, "/v1/members/by-external/hr/芳", {**MEMBER, "unit_id": last["id"]})
    assert (last["version"], member["version"]) == (4, 2)
    assert (await told(database))[2:] == [
        ("unit.saved.v1", 1),
        ("unit.placed.v1", 2),
        ("unit.saved.v1", 3),
        ("unit.placed.v1", 4),
        ("member.saved.v1", 1),
        ("member.assigned.v1", 2),
    ]


async def test_a_circle_that_a_later_move_would_close_is_refused(api: httpx.AsyncClient) -> None:
    first = await put(api, "/v1/units/by-external/hr/一", UNIT)
    second = await put(api, "/v1/units/by-external/hr/二", UNIT)
    later = {**UNIT, "parent_id": second["id"], "valid_from": "2030-01-01"}
    await put(api, "/v1/units/by-external/hr/一", later)
    below = {**UNIT, "parent_id": first["id"], "valid_from": "2025-01-01"}
    answer = await api.put("/v1/units/by-external/hr/二", json=below)
    assert (answer.status_code, answer.json()["code"]) == (409, "unit_below_itself")
    assert "2030-01-01" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("scope", "other", "word"), [("member", "units", "成员"), ("unit", "members", "单元")]
)
async def test_the_id_of_a_target_must_be_of_its_kind(
    api: httpx.AsyncClient, scope: str, other: str, word: str
) -> None:
    body = UNIT if other == "units" else MEMBER
    wrong = await put(api, f"/v1/{other}/by-external/hr/1", body)
    target = {
        "scope": scope,
        "scope_id": wrong["id"],
        "metric": "units",
        "period": "2026-Q4",
        "value": "1",
    }
    api.headers["accept-language"] = "zh"
    answer = await api.put("/v1/targets", json=target)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_scope")
    assert answer.json()["detail"].startswith(f"不存在{word} ")


async def test_history_is_marked_in_bounded_steps(installation: Installation) -> None:
    scope, total, empty = new_id(), new_id(), new_id()
    facts = [new_id() for _ in range(5)]
    ctx = Context("targets", clock.now(), new_id())
    async with installation.open("targets") as database:

        async def post(conn: Connection) -> None:
            await conn.executemany(
                "INSERT INTO attainment VALUES "
                "($1, 0, 'unit', $2, 'units', $3, $4, $5, '', 5, 5, 1)",
                [
                    (total, scope, "2026-Q4", ctx.now.date(), ctx.now.date().replace(year=2100)),
                    (empty, scope, "2026-Q3", ctx.now.date(), ctx.now.date().replace(year=2100)),
                ],
            )
            await conn.executemany(
                "INSERT INTO attainment_entry VALUES ($1, $2, $3, 1, 1, 1, 'pipeline', 0, 1, $4)",
                [(total, new_id(), fact, ctx.now) for fact in facts],
            )
            await store.mark_scope(conn, scope, ctx.now.date())

        await database.transact(post)
        async with database.acquire() as conn:
            assert await conn.fetchval("SELECT count(*) FROM repost") == 0
            steps = 0
            while await store.expand_marks(conn, 2):
                steps += 1
            assert steps == 4  # 2 + 2 + 1 entries of one, none of the other
            assert await conn.fetchval("SELECT count(*) FROM reorganisation") == 0
            assert set(await store.take_marks(conn, 10)) == set(facts)
        assert await repost(database, replace(ctx, now=clock.now())) == 0
