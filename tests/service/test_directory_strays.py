"""A process of an earlier release changes the organisation beside its directory; it catches up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.targets import service
from services.targets.org import store
from services.targets.org.directory.commands import catch_up
from services.targets.org.model import Assignment, Placement
from shared import clock
from shared.context import Context
from shared.db import Connection, Database
from shared.directory import queries as directory
from shared.events.snapshot import START
from shared.ids import new_id
from shared.runtime import Chore, Role
from tests.service.conftest import Installation
from tests.service.test_directory import expected, found_company, rows

NO_EVENTS = "[]"
DAY = date(2026, 2, 1)


@pytest.fixture
async def api(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("targets") as client:
        yield client


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    async with installation.open("targets") as opened:
        yield opened


async def caught_up(database: Database) -> int:
    return await catch_up(database, Context("targets", clock.now(), new_id()))


async def move_member_as_before(
    database: Database, member_id: UUID, unit_id: UUID | None, day: date = DAY
) -> None:
    """Move a member as the release before did: no row of the directory is touched."""

    async def work(conn: Connection) -> None:
        await store.lock(conn)
        member = await store.member(conn, member_id)
        assert member is not None
        await store.change(conn, new_id())
        await store.assign(conn, Assignment(member_id, day, unit_id, leads=False))
        await store.save_member(conn, replace(member, version=member.version + 1), NO_EVENTS)

    await database.transact(work)


async def move_unit_as_before(database: Database, unit_id: UUID, parent_id: UUID | None) -> None:
    async def work(conn: Connection) -> None:
        await store.lock(conn)
        unit = await store.unit(conn, unit_id)
        assert unit is not None
        await store.change(conn, new_id())
        await store.place(conn, Placement(unit_id, DAY, parent_id))
        renamed = replace(unit, version=unit.version + 2, name="更名之队")
        await store.save_unit(conn, renamed, NO_EVENTS)

    await database.transact(work)


async def reached(database: Database, unit_id: UUID) -> set[UUID]:
    async with database.acquire() as conn:
        return set(await directory.members_under(conn, unit_id, DAY))


async def is_whole(database: Database) -> bool:
    """Tell whether lines and posts are what the organisation's own tables say."""
    found = await rows(database)
    async with database.acquire() as conn:
        told = await directory.facts(conn, START, None)
        kept = await conn.fetch(
            """
            SELECT member_id, valid_from, unit_id, leads FROM assignment
            EXCEPT SELECT member_id, valid_from, unit_id, leads FROM directory_assignment
            """
        )
        hung = await conn.fetch(
            """
            SELECT unit_id, valid_from, parent_id FROM unit_placement
            EXCEPT SELECT unit_id, valid_from, parent_id FROM directory_placement
            """
        )
    return not kept and not hung and (found["lines"], found["posts"]) == expected(told)


async def ids_of(api: httpx.AsyncClient) -> dict[str, UUID]:
    found: dict[str, UUID] = {}
    for noun in ("units", "members"):
        items: list[dict[str, Any]] = (await api.get(f"/v1/{noun}")).json()["items"]
        found |= {one["external"]["id"]: UUID(one["id"]) for one in items}
    return found


async def test_whom_an_earlier_release_moves_is_found_where_they_are(
    api: httpx.AsyncClient, database: Database
) -> None:
    await found_company(api)
    ids = await ids_of(api)
    assert await caught_up(database) == 0
    await move_member_as_before(database, ids["李雷"], ids["华南"])
    await move_unit_as_before(database, ids["杭州"], ids["总部"])
    assert ids["李雷"] in await reached(database, ids["华东"])
    assert await caught_up(database) == 2
    assert await reached(database, ids["华东"]) == set()
    assert ids["李雷"] in await reached(database, ids["华南"])
    assert await is_whole(database)
    assert await caught_up(database) == 0
    async with database.acquire() as conn:
        name = await conn.fetchval(
            "SELECT name FROM directory_unit WHERE unit_id = $1", ids["杭州"]
        )
        elsewhere = await conn.fetchval(
            "SELECT external_id FROM directory_member WHERE member_id = $1", ids["李雷"]
        )
    assert (name, elsewhere) == ("更名之队", "李雷")


async def test_what_is_changed_after_it_has_caught_up_counts(
    api: httpx.AsyncClient, database: Database
) -> None:
    """A fact caught up has the version of its member, below which no event to come is."""
    await found_company(api)
    ids = await ids_of(api)
    await move_member_as_before(database, ids["李雷"], ids["华南"])
    await caught_up(database)
    body = {"name": "李雷", "unit_id": str(ids["华东"]), "valid_from": DAY.isoformat()}
    answer = await api.put(f"/v1/members/{ids['李雷']}", json=body)
    assert answer.status_code == 200, answer.text
    assert ids["李雷"] in await reached(database, ids["华东"])
    assert await is_whole(database)


async def test_a_change_of_this_release_hides_none_of_the_one_before(
    api: httpx.AsyncClient, database: Database
) -> None:
    await found_company(api)
    ids = await ids_of(api)
    await move_member_as_before(database, ids["李雷"], ids["华南"])
    body = {"name": "李雷", "unit_id": None, "valid_from": "2026-03-01"}
    answer = await api.put(f"/v1/members/{ids['李雷']}", json=body)
    assert answer.status_code == 200, answer.text
    assert await caught_up(database) == 1
    assert await is_whole(database)


async def test_it_catches_up_while_releases_old_and_new_change_things(
    api: httpx.AsyncClient, database: Database
) -> None:
    await found_company(api)
    ids = await ids_of(api)
    units = ["华东", "华南", "杭州", "总部"]

    async def new_release() -> None:
        for number in range(12):
            body = {
                "name": "王芳",
                "unit_id": str(ids[units[number % 4]]),
                "valid_from": f"2026-0{1 + number % 9}-01",
            }
            answer = await api.put(f"/v1/members/{ids['王芳']}", json=body)
            assert answer.status_code == 200, answer.text

    async def old_release() -> None:
        for number in range(12):
            day = date(2026, 1 + (number + 5) % 9, 1)
            await move_member_as_before(database, ids["王芳"], ids[units[-number % 4]], day)
            await move_unit_as_before(database, ids["华南"], ids["总部" if number % 2 else "华东"])

    async def checks() -> None:
        for _ in range(12):
            await caught_up(database)

    await asyncio.gather(new_release(), old_release(), checks(), checks())
    while await caught_up(database):
        pass
    assert await is_whole(database)


async def test_the_worker_catches_up_by_itself(
    installation: Installation, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = replace(service.SERVICE, chores=(Chore(catch_up, 0.05),))
    monkeypatch.setattr(service, "SERVICE", impatient)
    async with installation.api("targets", role=Role.ALL) as api:
        await found_company(api)
        ids = await ids_of(api)
        await move_member_as_before(database, ids["李雷"], ids["华南"])
        async with asyncio.timeout(60):
            while True:
                if ids["李雷"] in await reached(database, ids["华南"]):
                    break
                await asyncio.sleep(0.05)
        assert await is_whole(database)
