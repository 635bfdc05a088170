"""Parked events: replayed past the watermark, through the version guard, one at a time."""

import asyncio
from collections.abc import Sequence

import httpx

from shared.contracts.pipeline import DealFact
from shared.db import Connection, Database
from shared.events import parking
from shared.ids import derived_id
from tests.service.conftest import Installation
from tests.service.test_targets import Company, event, won


async def parked(database: Database, facts: Sequence[DealFact]) -> list[str]:
    """Park an event of each fact; return their ids."""
    events = [event(fact, number) for number, fact in enumerate(facts, start=1)]

    async def work(conn: Connection) -> None:
        await conn.execute(
            "INSERT INTO watermark (consumer, source, partition, number)"
            " VALUES ('attainment', 'pipeline', 0, 99)"
        )
        for one in events:
            await parking.park(conn, "attainment", one, RuntimeError("当时无法处理"))

    await database.transact(work)
    return [str(derived_id("attainment", one.id)) for one in events]


async def replay(api: httpx.AsyncClient, parked_id: str) -> int:
    return (await api.post(f"/v1/parked/{parked_id}/replay")).status_code


async def test_replays_in_any_order_and_at_once_end_the_same(installation: Installation) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        company = Company(api, database)
        await company.member("王芳", None)
        first = won((company.ids["王芳"], "1"), amount="100.00")
        facts = [first.model_copy(update={"version": version}) for version in range(1, 7)]
        ids = await parked(database, facts)
        listed = (await api.get("/v1/parked", params={"state": "parked"})).json()["items"]
        assert {item["reason"] for item in listed} == {"当时无法处理"}
        answers = await asyncio.gather(*(replay(api, parked_id) for parked_id in reversed(ids)))
        assert set(answers) == {200}
        assert await company.actuals() == {"王芳": "100.00"}
        assert await replay(api, ids[0]) == 409
        async with database.acquire() as conn:
            assert await conn.fetchval("SELECT sum(amount) FROM attainment_entry") == 100


async def test_a_discarded_event_stays_without_effect(installation: Installation) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        company = Company(api, database)
        await company.member("王芳", None)
        (parked_id,) = await parked(database, [won((company.ids["王芳"], "1"), amount="9.00")])
        assert (await api.post(f"/v1/parked/{parked_id}/discard")).json()["state"] == "discarded"
        assert await replay(api, parked_id) == 409
        assert await company.actuals() == {}
