"""The directory: facts in any order and twice, concurrently and by repair, give the same rows."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import httpx
import pytest

from deploy.local.http_server import HttpServer
from deploy.serving import load
from shared import clock
from shared.context import Context
from shared.contracts.contract import Contract
from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection, Database
from shared.directory import closure, queries, upkeep
from shared.events.outbox import partition_of
from shared.events.snapshot import START, Stretch, Tip, stretch_of
from shared.http.service import create_app
from shared.ids import new_id
from shared.runtime import Role
from tests.service.conftest import Installation

Rows: TypeAlias = Mapping[str, Sequence[tuple[Any, ...]]]

FIRST = date(2024, 1, 1)
DAYS = [FIRST + timedelta(days=30 * number) for number in range(8)]
TABLES = {
    "units": "SELECT unit_id, version, name, kind FROM directory_unit ORDER BY 1",
    "placements": """
        SELECT unit_id, valid_from, parent_id, version FROM directory_placement ORDER BY 1, 2
    """,
    "members": """
        SELECT member_id, version, external_source, external_id FROM directory_member ORDER BY 1
    """,
    "assignments": """
        SELECT member_id, valid_from, unit_id, leads, version
          FROM directory_assignment ORDER BY 1, 2
    """,
    "posts": "SELECT member_id, starts, ends, unit_id, leads FROM directory_post ORDER BY 1, 2",
    "lines": "SELECT unit_id, above_id, starts, ends FROM unit_line ORDER BY 1, 2, 3",
}
MIGRATIONS = [
    Path(load("targets").migrations, f"{name}.sql")
    for name in ("0005_directory", "0009_members_elsewhere")
]


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    async with installation.open("knowledge") as opened:
        yield opened


def told_by(dice: random.Random, units: int = 12, members: int = 20) -> list[Contract]:
    """Return what an organisation tells that moves a lot, in its order; moves may close circles."""
    unit_ids = [UUID(int=dice.getrandbits(128)) for _ in range(units)]
    facts: list[Contract] = []
    for place, unit_id in enumerate(unit_ids):
        facts.append(UnitSaved(version=1, unit_id=unit_id, name=f"大区{place}", kind="region"))
        for version in range(2, 2 + dice.randint(1, 4)):
            parent = dice.choice([None, *unit_ids])
            day = dice.choice(DAYS)
            facts.append(
                UnitPlaced(version=version, unit_id=unit_id, parent_id=parent, valid_from=day)
            )
        facts.append(UnitSaved(version=9, unit_id=unit_id, name=f"华东{place}", kind="region"))
    for _ in range(members):
        member_id = UUID(int=dice.getrandbits(128))
        elsewhere = {"external_source": "hr", "external_id": f"工号 {member_id.hex[:6]}"}
        facts.append(MemberSaved(version=1, member_id=member_id, **elsewhere))
        facts += [
            MemberAssigned(
                version=version,
                member_id=member_id,
                unit_id=dice.choice([None, *unit_ids]),
                leads=dice.random() < 0.3,
                valid_from=dice.choice(DAYS),
            )
            for version in range(2, 2 + dice.randint(1, 4))
        ]
    return facts


async def hear(database: Database, facts: Sequence[Contract]) -> None:
    async def work(conn: Connection) -> None:
        await upkeep.apply(conn, facts)

    await database.transact(work)


async def rows(database: Database) -> Rows:
    async with database.acquire() as conn:
        return {
            what: [tuple(row) for row in await conn.fetch(query)] for what, query in TABLES.items()
        }


def expected(facts: Sequence[Contract]) -> tuple[list[closure.Line], list[tuple[Any, ...]]]:
    """Return lines and posts, worked out from all facts at once."""
    newest = upkeep.newest(facts)
    placed = [fact for fact in newest if isinstance(fact, UnitPlaced)]
    steps = closure.steps_of(
        closure.Placement(fact.unit_id, fact.valid_from, fact.parent_id) for fact in placed
    )
    units = {fact.subject for fact in newest if isinstance(fact, UnitSaved | UnitPlaced)}
    lines = sorted(line for unit_id in units for line in closure.lines(steps, unit_id))
    moves = [fact for fact in newest if isinstance(fact, MemberAssigned)]
    moves.sort(key=lambda fact: (fact.member_id, fact.valid_from))
    posts = []
    for place, fact in enumerate(moves):
        after = moves[place + 1] if place + 1 < len(moves) else None
        follows = after is not None and after.member_id == fact.member_id
        ends = after.valid_from if after is not None and follows else date.max
        if fact.unit_id is not None:
            posts.append((fact.member_id, fact.valid_from, ends, fact.unit_id, fact.leads))
    return lines, posts


@pytest.mark.parametrize("seed", range(4))
async def test_facts_in_any_order_and_twice_give_the_same_rows(
    database: Database, seed: int
) -> None:
    dice = random.Random(seed)
    told = told_by(dice)
    heard = told + dice.sample(told, len(told) // 2)
    dice.shuffle(heard)
    while heard:
        size = dice.randint(1, 25)
        batch, heard = heard[:size], heard[size:]
        await hear(database, batch)
    found = await rows(database)
    lines, posts = expected(told)
    assert found["lines"] == lines
    assert found["posts"] == posts
    assert {row[1:3] for row in found["units"]} == {
        (9, fact.name) for fact in told if isinstance(fact, UnitSaved) and fact.version == 9
    }
    await hear(database, told)
    assert await rows(database) == found


async def test_two_partitions_move_units_at_once(database: Database) -> None:
    told = told_by(random.Random(5))
    parts = [[fact for fact in told if partition_of(fact.subject.int, 2) == n] for n in (0, 1)]

    async def follow(facts: Sequence[Contract]) -> None:
        for fact in facts:
            await hear(database, [fact])

    await asyncio.gather(*map(follow, parts))
    found = await rows(database)
    assert (found["lines"], found["posts"]) == expected(told)


async def test_a_move_writes_only_the_lines_that_change(database: Database) -> None:
    head, east, west, team, other = (new_id() for _ in range(5))
    parents = {head: None, east: head, west: head, team: east, other: west}
    told: list[Contract] = []
    for unit, parent in parents.items():
        told.append(UnitSaved(version=1, unit_id=unit, name="华东", kind="region"))
        told.append(UnitPlaced(version=2, unit_id=unit, parent_id=parent, valid_from=FIRST))
    await hear(database, told)
    written = "SELECT unit_id, above_id, starts, ends, xmin::text FROM unit_line"
    async with database.acquire() as conn:
        before = {tuple(row) for row in await conn.fetch(written)}
    await hear(database, [UnitPlaced(version=3, unit_id=east, parent_id=west, valid_from=DAYS[2])])
    async with database.acquire() as conn:
        after = {tuple(row) for row in await conn.fetch(written)}
        # East is below the head all the time, by another way from then on.
        assert before <= after
        assert {row[:3] for row in after - before} == {
            (east, west, DAYS[2]),
            (team, west, DAYS[2]),
        }
        assert await queries.units_under(conn, west, DAYS[1]) == sorted([west, other])
        assert await queries.units_under(conn, west, DAYS[2]) == sorted([west, other, east, team])
        assert await queries.units_above(conn, team, DAYS[2]) == sorted([team, east, west, head])


async def test_who_is_under_a_unit_is_asked_by_day(database: Database) -> None:
    head, team, fang, lei = (new_id() for _ in range(4))
    told: list[Contract] = [
        UnitSaved(version=1, unit_id=head, name="总部", kind="company"),
        UnitSaved(version=1, unit_id=team, name="杭州一队", kind="team"),
        UnitPlaced(version=2, unit_id=team, parent_id=head, valid_from=DAYS[1]),
        MemberSaved(version=1, member_id=fang),
        MemberAssigned(version=2, member_id=fang, unit_id=team, leads=True, valid_from=FIRST),
        MemberAssigned(version=3, member_id=fang, unit_id=None, leads=False, valid_from=DAYS[3]),
        MemberAssigned(version=2, member_id=lei, unit_id=head, leads=False, valid_from=FIRST),
    ]
    await hear(database, told)
    async with database.acquire() as conn:
        for day, members in ((DAYS[0], {lei}), (DAYS[1], {fang, lei}), (DAYS[3], {lei})):
            assert set(await queries.members_under(conn, head, day)) == members
        assert await queries.known_members(conn, [fang, lei, head]) == {fang}  # 雷 is not saved yet
        assert await queries.known_units(conn, [head, team, fang]) == {head, team}


async def test_a_snapshot_says_all_by_pages_and_corrects_whatever_was_known(
    installation: Installation, database: Database
) -> None:
    told = told_by(random.Random(11))
    stranger = told_by(random.Random(12))
    wrong = [
        fact.model_copy(update={"version": 40, "parent_id": None})
        for fact in told
        if isinstance(fact, UnitPlaced)
    ]
    ctx = Context("tester", clock.now(), new_id())
    async with installation.open("targets") as source:
        await hear(source, told)
        await hear(database, [*stranger, *told[::3], *wrong])
        after, steps = START, 0
        while True:
            async with source.acquire() as conn:
                found = await queries.snapshot(conn, after, 5)
            step = stretch_of(found, "targets", (0, 1), Tip(7, None), after, 5, ctx)
            assert await corrected(database, step) > 0
            assert await corrected(database, step) == 0
            steps += 1
            if step.last is None:
                break
            after = step.last
        assert steps > 5
        assert await rows(database) == await rows(source)


async def corrected(database: Database, stretch: Stretch) -> int:
    async def work(conn: Connection) -> int:
        return await upkeep.correct(conn, stretch, 1)

    return await database.transact(work)


async def test_the_directory_says_how_far_it_has_heard(database: Database) -> None:
    async with database.acquire() as conn:
        assert await queries.has_heard(conn, {0: 0})
        assert not await queries.has_heard(conn, {0: 1})
        await conn.execute(
            "INSERT INTO watermark (consumer, source, partition, number)"
            " VALUES ('directory', 'targets', 0, 5), ('wins', 'pipeline', 0, 9)"
        )
        assert await queries.has_heard(conn, {0: 5})
        assert not await queries.has_heard(conn, {0: 6})
        assert not await queries.has_heard(conn, {0: 5, 1: 1})


async def found_company(api: httpx.AsyncClient) -> list[str]:
    """Found a company of two levels by HTTP, with moves; return ids of units and members."""
    ids: dict[str, str] = {}

    async def put(path: str, name: str, body: dict[str, Any]) -> None:
        answer = await api.put(f"/v1/{path}/by-external/hr/{name}", json={"name": name, **body})
        assert answer.status_code == 200, answer.text
        ids[name] = answer.json()["id"]

    async def unit(name: str, parent: str | None, day: str) -> None:
        parent_id = None if parent is None else ids[parent]
        await put("units", name, {"kind": "team", "parent_id": parent_id, "valid_from": day})

    await unit("总部", None, "2020-01-01")
    await unit("华东", "总部", "2020-01-01")
    await unit("华南", "总部", "2020-01-01")
    await unit("杭州", "华东", "2020-01-01")
    await unit("杭州", "华南", "2026-07-01")
    await unit("杭州", "华东", "2027-01-01")
    await unit("总部", None, "2019-01-01")
    for name, day in (("王芳", "2020-01-01"), ("李雷", "2021-05-01"), ("王芳", "2026-04-01")):
        unit_id = ids["杭州" if day < "2026" else "华南"]
        await put("members", name, {"unit_id": unit_id, "leads": True, "valid_from": day})
    return list(ids.values())


async def test_the_commands_keep_the_directory_in_their_own_transaction(
    installation: Installation,
) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        await found_company(api)
        found = await rows(database)
        async with database.acquire() as conn:
            told = await queries.facts(conn, START, None)
        assert (found["lines"], found["posts"]) == expected(told)
        counts = {what: len(part) for what, part in found.items()}
        assert {what: counts[what] for what in ("units", "placements", "members")} == {
            "units": 4,
            "placements": 7,
            "members": 2,
        }
        async with database.acquire() as conn:
            # Whatever fails behind the command takes the directory back with it.
            await conn.execute(
                "ALTER TABLE directory_post ADD CONSTRAINT filled CHECK (NOT leads) NOT VALID"
            )
        body = {"name": "陈晨", "unit_id": str(found["units"][0][0]), "leads": True}
        answer = await api.put(
            "/v1/members/by-external/hr/晨", json={**body, "valid_from": "2026-01-01"}
        )
        assert answer.status_code == 500
        assert await rows(database) == found
        async with database.acquire() as conn:
            assert await conn.fetchval("SELECT count(*) FROM member") == 2


async def test_what_there_was_before_the_directory_is_filled_in_by_the_migration(
    installation: Installation,
) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        await found_company(api)
        told_of = await rows(database)
        await _random_tree(database)
        async with database.acquire() as conn:
            await conn.execute(
                "TRUNCATE directory_unit, directory_placement, directory_member,"
                " directory_assignment, directory_post, unit_line"
            )
            for migration in MIGRATIONS:
                await conn.execute(migration.read_text(encoding="utf-8"))
        found = await rows(database)
        async with database.acquire() as conn:
            told = await queries.facts(conn, START, None)
        assert len(found["lines"]) > 60
        for what, part in told_of.items():
            assert set(part) <= set(found[what]), what
        assert (found["lines"], found["posts"]) == expected(told)


async def _random_tree(database: Database) -> None:
    """Add units that hang below earlier ones only, so that there is no circle, and move a lot."""
    dice = random.Random(3)
    unit_ids = [new_id() for _ in range(20)]
    async with database.acquire() as conn:
        for place, unit_id in enumerate(unit_ids):
            await conn.execute("INSERT INTO unit VALUES ($1, 3, '大区', 'region')", unit_id)
            for day in dice.sample(DAYS, 4):
                parent = dice.choice([None, *unit_ids[:place]])
                await conn.execute(
                    "INSERT INTO unit_placement VALUES ($1, $2, $3)", unit_id, day, parent
                )


async def test_a_stopped_directory_is_repaired_from_the_organisation(
    installation: Installation,
) -> None:
    source = create_app(load("targets"), installation.settings("targets"), Role.API)
    http = HttpServer()
    token = installation.servers.issuer.token("tester", ("admin",))
    headers = {"Authorization": f"Bearer {token}"}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(source.router.lifespan_context(source))
        await http.start(source)
        stack.push_async_callback(http.stop)
        settings = installation.settings("knowledge", feeds={"targets": http.base_url})
        app = create_app(load("knowledge"), settings, Role.API)
        await stack.enter_async_context(app.router.lifespan_context(app))
        database = await stack.enter_async_context(installation.open("knowledge"))
        targets = await stack.enter_async_context(installation.open("targets"))
        api = await stack.enter_async_context(
            httpx.AsyncClient(base_url=http.base_url, headers=headers)
        )
        reader = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://k", headers=headers
            )
        )
        ids = await found_company(api)
        await hear(database, told_by(random.Random(4)))
        async with database.acquire() as conn:
            await conn.execute(
                "INSERT INTO watermark (consumer, source, partition, number, event_id, stopped)"
                " VALUES ('directory', 'targets', 0, 950, $1, '来源已从旧备份恢复')",
                new_id(),
            )
        answer = await reader.post("/v1/consumers/directory/targets/0/repair", json={})
        assert answer.status_code == 200, answer.text
        assert answer.json()["corrected"] == len(ids) + 32
        assert await rows(database) == await rows(targets)
