"""A process of an earlier release saves deals and keeps no members of them; these catch up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from services.pipeline.deals.sharing.commands import catch_up
from shared import clock
from shared.context import Context
from shared.db import Connection, Database
from shared.ids import new_id
from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.test_pipeline_deals import fresh, terms

LI, WANG, CHEN = new_id(), new_id(), new_id()
# What the release before said, whose schema had no members.
INSERT_AS_BEFORE = """
    INSERT INTO deal (
        id, version, name, stage, owner_id, amount, currency, lines, shares, opened_on)
    VALUES ($1, 1, '灯塔项目', 'open', $2, 100, 'CNY', '[]', $3, '2026-10-08')
"""
UPDATE_AS_BEFORE = """
    UPDATE deal SET shares = $2, version = version + 1 WHERE id = $1
"""


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    async with installation.open("pipeline") as opened:
        yield opened


def shares(*members: UUID) -> str:
    part = {1: "1", 2: "0.5"}[len(members)]
    return orjson.dumps([{"member_id": str(one), "share": part} for one in members]).decode()


async def caught_up(database: Database) -> int:
    return await catch_up(database, Context("pipeline", clock.now(), new_id()))


async def execute(database: Database, statement: str, *values: object) -> None:
    async def work(conn: Connection) -> None:
        await conn.execute(statement, *values)

    await database.transact(work)


async def found(api: httpx.AsyncClient, member_id: UUID) -> set[str]:
    """Return the ids of the deals that a list finds by a member."""
    asked = f'{{"field":"member_ids","op":"has","value":"{member_id}"}}'
    answer = await api.get("/v1/deals", params={"filter": asked})
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json()["items"]}


async def test_who_shares_a_deal_that_an_earlier_release_saved_finds_it(
    installation: Installation, database: Database
) -> None:
    deal_id = new_id()
    async with installation.api("pipeline") as api:
        body: dict[str, Any] = terms(owner_id=str(LI))
        ours = (await api.post("/v1/deals", json=body, headers=fresh())).json()["id"]
        assert await caught_up(database) == 0
        await execute(database, INSERT_AS_BEFORE, deal_id, LI, shares(LI, WANG))
        await execute(database, UPDATE_AS_BEFORE, UUID(ours), shares(LI, CHEN))
        assert (await found(api, WANG), await found(api, CHEN)) == (set(), set())
        assert await caught_up(database) == 2
        assert (await found(api, WANG), await found(api, CHEN)) == ({str(deal_id)}, {ours})
        assert await found(api, LI) == {ours, str(deal_id)}
        await execute(database, UPDATE_AS_BEFORE, deal_id, shares(CHEN))
        assert await caught_up(database) == 1
        assert await found(api, WANG) == set()
        assert await caught_up(database) == 0


async def test_a_deal_that_somebody_changes_now_is_left_for_the_next_time(
    database: Database,
) -> None:
    first, second = new_id(), new_id()
    for deal_id in (first, second):
        await execute(database, INSERT_AS_BEFORE, deal_id, LI, shares(LI, WANG))
    async with database.acquire() as conn, conn.transaction():
        await conn.execute(UPDATE_AS_BEFORE, first, shares(LI, CHEN))
        assert await caught_up(database) == 1
    assert await caught_up(database) == 1
    async with database.acquire() as conn:
        kept = await conn.fetchval("SELECT member_ids FROM deal WHERE id = $1", first)
    assert kept == [LI, CHEN]


async def test_where_none_strayed_nothing_is_read(database: Database) -> None:
    """It is asked four times a second, of however many deals there are."""
    for _ in range(200):
        await execute(database, INSERT_AS_BEFORE, new_id(), LI, shares(LI, WANG))
    while await caught_up(database):
        pass
    await execute(database, "ANALYZE deal")
    async with database.acquire() as conn:
        plan = await conn.fetch(
            "EXPLAIN SELECT EXISTS (SELECT FROM deal"
            " WHERE member_ids IS DISTINCT FROM share_members(shares))"
        )
    assert "deal_strayed" in "\n".join(row[0] for row in plan)


async def test_the_worker_catches_up_by_itself(
    installation: Installation, database: Database
) -> None:
    deal_id = new_id()
    async with installation.api("pipeline", role=Role.ALL) as api:
        await execute(database, INSERT_AS_BEFORE, deal_id, LI, shares(WANG))
        async with asyncio.timeout(60):
            while True:
                if await found(api, WANG) == {str(deal_id)}:
                    break
                await asyncio.sleep(0.05)
