"""The feed over HTTP: dense numbers, waiting, withheld content, and what is too old."""

import asyncio

from shared.runtime import Role
from tests.service.conftest import Installation

ACCOUNT = "/v1/accounts/by-external/crm/1"


async def test_the_feed_tells_of_what_was_written(installation: Installation) -> None:
    async with installation.api("pipeline", role=Role.ALL) as api:
        waiting = asyncio.create_task(api.get("/v1/events", params={"wait": 10}))
        await asyncio.sleep(0.1)
        await api.put(ACCOUNT, json={"name": "上海灯塔"})
        document = (await waiting).json()
        assert document["head"] == 1
        (event,) = document["events"]
        assert event["type"] == "pharos.pipeline.account.saved.v1"
        assert (event["sequence"], event["previousid"]) == (1, None)
        assert event["data"]["name"] == "上海灯塔"
        await api.put(ACCOUNT, json={"name": "上海灯塔科技"})
        after = (await api.get("/v1/events", params={"after": 1, "wait": 10})).json()
        assert after["events"][0]["previousid"] == event["id"]


async def test_content_that_the_caller_may_not_read_keeps_its_place(
    installation: Installation,
) -> None:
    async with (
        installation.api("pipeline", role=Role.ALL) as api,
        installation.api("pipeline", roles=("auditor",)) as auditor,
        installation.api("pipeline", roles=("rep",)) as rep,
    ):
        await api.put(ACCOUNT, json={"name": "上海灯塔"})
        await api.get("/v1/events", params={"wait": 10})
        assert (await auditor.get("/v1/events")).json()["events"][0]["data"]
        assert (await rep.get("/v1/events")).status_code == 403


async def test_a_partition_that_is_not_there(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        answer = await api.get("/v1/events", params={"partition": 7})
        assert (answer.status_code, answer.json()["code"]) == (404, "partition_not_found")


async def test_what_is_no_longer_kept_is_gone(installation: Installation) -> None:
    async with installation.api("pipeline", role=Role.ALL) as api:
        for name in ("一", "二", "三"):
            await api.put(ACCOUNT, json={"name": name})
        await api.get("/v1/events", params={"after": 2, "wait": 10})
        async with installation.open("pipeline") as database, database.acquire() as conn:
            await conn.execute("DELETE FROM event_log WHERE number < 3")
        answer = await api.get("/v1/events")
        assert (answer.status_code, answer.json()["code"]) == (410, "events_expired")
        assert len((await api.get("/v1/events", params={"after": 2})).json()["events"]) == 1


async def test_an_empty_log_says_up_to_where_it_was(installation: Installation) -> None:
    async with installation.api("pipeline", role=Role.ALL) as api:
        for name in ("一", "二"):
            await api.put(ACCOUNT, json={"name": name})
        await api.get("/v1/events", params={"after": 1, "wait": 10})
        async with installation.open("pipeline") as database, database.acquire() as conn:
            await conn.execute("DELETE FROM event_log")
        answer = await api.get("/v1/events")
        assert answer.status_code == 410
        assert answer.json()["detail"].startswith("Events up to 2 are no longer kept.")
        assert "/v1/snapshots/deals" in answer.json()["detail"]
