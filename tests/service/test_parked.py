"""Parked events: replayed past the watermark, through the version guard, one at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import httpx

from shared import clock
from shared.context import Context
from shared.contracts.pipeline import DealFact
from shared.db import Connection, Database
from shared.events import parking, repairs
from shared.events.envelope import Event
from shared.events.snapshot import START, Stretch, Tip
from shared.events.watermark import Watermark
from shared.ids import derived_id, new_id
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


async def test_a_number_that_is_given_again_parks_another_event(installation: Installation) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        before, after = (event(won((new_id(), "1"), amount="9.00"), 7) for _ in range(2))
        error = RuntimeError("当时无法处理")

        async def park(*events: Event) -> None:
            async def work(conn: Connection) -> None:
                for one in events:
                    await parking.park(conn, "attainment", one, error)

            await database.transact(work)

        await park(before)
        parked_id = derived_id("attainment", before.id)
        assert (await api.post(f"/v1/parked/{parked_id}/discard")).status_code == 200
        await park(after)  # the source was restored, and gives the number to something else
        (item,) = (await api.get("/v1/parked")).json()["items"]
        assert (item["event_id"], item["state"]) == (str(after.id), "parked")
        await park(replace(after, number=8))  # and then tells the same under another number
        (item,) = (await api.get("/v1/parked")).json()["items"]
        assert (item["event_id"], item["number"]) == (str(after.id), 8)


async def test_a_repair_overrules_what_was_discarded_before_it(installation: Installation) -> None:
    async with installation.open("targets") as database:
        one = event(won((new_id(), "1"), amount="9.00"), 7)
        mark = Watermark("attainment", "pipeline", 0)
        everything = Stretch("pipeline", 0, Tip(7, one.id), START, None, ())

        async def discarded(conn: Connection) -> frozenset[tuple[int, UUID]]:
            return await parking.discarded(conn, *mark.labels)

        async def note(conn: Connection, reason: str) -> None:
            ctx = Context("tester", clock.now(), new_id())
            await repairs.note(conn, ctx, mark, everything, reason, corrected=1, discarded=1)

        async def discard(conn: Connection) -> None:
            await parking.park(conn, mark.consumer, one, RuntimeError("当时无法处理"))
            await parking.settle_all(conn, *mark.labels, "discarded", "tester")

        await database.transact(discard)
        await database.transact(lambda conn: note(conn, f"{repairs.REBUILT}the log"))
        assert await database.transact(discarded) == {(7, one.id)}
        await database.transact(lambda conn: note(conn, "来源已从旧备份恢复"))
        assert await database.transact(discarded) == set()
