"""Repair: a stopped consumer is brought to what its source holds, page by page and partition."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.http_server import HttpServer
from deploy.serving import load
from services.knowledge.wins.reactions import count_wins
from shared import clock
from shared.context import Context
from shared.context import Installation as Partitioned
from shared.contracts.pipeline import DealFact, DealStage
from shared.db import Connection, Database
from shared.events import parking
from shared.events.outbox import partition_of
from shared.http.service import create_app
from shared.ids import new_id
from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.test_targets import event, won

REPAIR = "/v1/consumers/wins/pipeline/{}/repair"
DAY = "2026-11-02"


@dataclass
class Reader:
    """The pipeline as it was restored, and knowledge, which counts its wins."""

    pipeline: httpx.AsyncClient
    knowledge: httpx.AsyncClient
    database: Database
    partitions: int
    seller: UUID

    async def win(self, count: int, amount: str = "10.00") -> list[str]:
        """Win deals in the pipeline; return their ids."""
        ids: list[str] = []
        for start in range(0, count, 100):
            records = [
                {
                    "external": {"source": "crm", "id": f"{start + place}"},
                    "name": "灯塔",
                    "owner_id": str(self.seller),
                    "amount": {"amount": amount, "currency": "CNY"},
                    "opened_on": "2026-10-01",
                    "stage": "won",
                    "closed_on": DAY,
                }
                for place in range(min(100, count - start))
            ]
            answer = await self.pipeline.post("/v1/deals/bulk", json={"deals": records})
            assert answer.status_code == 200, answer.text
            ids += [item["id"] for item in answer.json()["deals"]]
        return ids

    async def hear(self, *facts: DealFact) -> None:
        """Let knowledge apply facts that the pipeline does not have (any more)."""

        async def work(conn: Connection) -> None:
            for number, fact in enumerate(facts, start=900):
                place = partition_of(fact.deal_id.int, self.partitions)
                told = event(fact, number)
                await count_wins(conn, self._context(), [replace(told, partition=place)])

        await self.database.transact(work)

    async def stop(self, *facts: DealFact) -> None:
        """Stop the consumers at a number that the pipeline has not reached; park facts."""

        async def work(conn: Connection) -> None:
            for place in range(self.partitions):
                await conn.execute(
                    "INSERT INTO watermark (consumer, source, partition, number, event_id, stopped)"
                    " VALUES ('wins', 'pipeline', $1, 950, $2, '来源已从旧备份恢复')",
                    place,
                    new_id(),
                )
            for number, fact in enumerate(facts, start=940):
                place = partition_of(fact.deal_id.int, self.partitions)
                told = replace(event(fact, number), partition=place)
                await parking.park(conn, "wins", told, RuntimeError("拒绝"))

        await self.database.transact(work)

    async def repair(self, partition: int = 0) -> list[dict[str, Any]]:
        """Take all steps of a repair; return what each said."""
        steps: list[dict[str, Any]] = []
        body: dict[str, Any] | None = {}
        while body is not None:
            answer = await self.knowledge.post(REPAIR.format(partition), json=body)
            assert answer.status_code == 200, answer.text
            steps.append(answer.json())
            body = steps[-1]["next"]
        return steps

    async def wins(self) -> int:
        async with self.database.acquire() as conn:
            return int(await conn.fetchval("SELECT coalesce(sum(deals), 0) FROM win_count"))

    async def known(self) -> set[str]:
        async with self.database.acquire() as conn:
            return {str(row["id"]) for row in await conn.fetch("SELECT id FROM fact")}

    def _context(self) -> Context:
        return Context("tester", clock.now(), new_id(), Partitioned(self.partitions))


@asynccontextmanager
async def reading(installation: Installation, partitions: int = 1) -> AsyncIterator[Reader]:
    settings = installation.settings("pipeline", partitions=partitions)
    app = create_app(load("pipeline"), settings, Role.API)
    http = HttpServer()
    token = installation.servers.issuer.token("tester", ("admin",))
    headers = {"Authorization": f"Bearer {token}"}
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        await http.start(app)
        stack.push_async_callback(http.stop)
        feeds = {"pipeline": http.base_url}
        settings = installation.settings("knowledge", partitions=partitions, feeds=feeds)
        knowledge = create_app(load("knowledge"), settings, Role.API)
        async with (
            knowledge.router.lifespan_context(knowledge),
            httpx.AsyncClient(base_url=http.base_url, headers=headers) as pipeline_api,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(knowledge), base_url="http://k", headers=headers
            ) as knowledge_api,
            installation.open("knowledge") as database,
        ):
            yield Reader(pipeline_api, knowledge_api, database, partitions, new_id())


async def test_what_the_source_does_not_have_is_taken_back_and_what_it_has_is_counted(
    installation: Installation,
) -> None:
    async with reading(installation) as reader:
        (ours,) = await reader.win(1)
        lost = won((reader.seller, "1"), amount="70.00")
        # The same deal under a version that the restored source has not given yet.
        ahead = won(
            (reader.seller, "1"),
            amount="5.00",
            deal_id=UUID(ours),
            version=9,
            stage=DealStage.OPEN,
        )
        await reader.hear(lost, ahead)
        await reader.stop(lost.model_copy(update={"version": 12}))
        assert await reader.wins() == 1
        (step,) = await reader.repair()
        assert (step["corrected"], step["discarded"], step["number"]) == (2, 1, 0)
        assert await reader.known() == {ours}
        assert await reader.wins() == 1
        async with reader.database.acquire() as conn:
            rows = await conn.fetch("SELECT version, number FROM fact")
            assert [(row["version"], row["number"]) for row in rows] == [(1, 0)]
            assert await conn.fetchval("SELECT stopped FROM watermark") is None
        (kept,) = (await reader.knowledge.get("/v1/repairs")).json()["items"]
        assert (kept["reason"], kept["repaired_by"]) == ("来源已从旧备份恢复", "tester")
        assert (kept["corrected"], kept["discarded"]) == (2, 1)


async def test_a_repair_takes_the_facts_page_by_page_and_may_be_repeated(
    installation: Installation,
) -> None:
    async with reading(installation) as reader:
        ours = await reader.win(540)
        await reader.hear(*(won((reader.seller, "1"), amount="1.00") for _ in range(20)))
        await reader.stop()
        first = await reader.knowledge.post(REPAIR.format(0), json={})
        again = await reader.knowledge.post(REPAIR.format(0), json={})
        assert first.json()["corrected"] == 500
        assert again.json()["corrected"] == 0
        steps = await reader.repair()
        assert [step["corrected"] for step in steps] == [0, 60]
        assert await reader.known() == set(ours)
        assert await reader.wins() == 540


async def test_a_partition_is_repaired_without_touching_the_other(
    installation: Installation,
) -> None:
    async with reading(installation, partitions=2) as reader:
        ours = await reader.win(40)
        lost = [won((reader.seller, "1"), amount="1.00") for _ in range(20)]
        await reader.hear(*lost)
        await reader.stop()
        await reader.repair(1)
        odd = {deal for deal in ours if partition_of(UUID(deal).int, 2) == 1}
        even = {str(one.deal_id) for one in lost if partition_of(one.deal_id.int, 2) == 0}
        assert await reader.known() == odd | even
        await reader.repair(0)
        assert await reader.known() == set(ours)
        assert await reader.wins() == 40


async def test_only_what_has_stopped_is_repaired(installation: Installation) -> None:
    async with reading(installation) as reader:
        await reader.stop()
        await reader.repair()
        again = await reader.knowledge.post(REPAIR.format(0), json={})
        assert (again.status_code, again.json()["code"]) == (409, "consumer_not_stopped")
        other = await reader.knowledge.post("/v1/consumers/nobody/pipeline/0/repair", json={})
        assert (other.status_code, other.json()["code"]) == (404, "consumer_not_found")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/snapshots/invoices", 404, "snapshot_not_found"),
        ("/v1/snapshots/deals?partition=5", 404, "partition_not_found"),
        ("/v1/snapshots/deals?limit=0", 422, "invalid_request"),
    ],
)
async def test_a_snapshot_that_is_not_there_is_said_so(
    installation: Installation, path: str, status: int, code: str
) -> None:
    async with installation.api("pipeline") as api:
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_snapshot_withholds_what_the_caller_may_not_read(
    installation: Installation,
) -> None:
    async with reading(installation) as reader:
        await reader.win(1)
        async with installation.api("pipeline", roles=("auditor",)) as api:
            (fact,) = (await api.get("/v1/snapshots/deals")).json()["facts"]
            assert fact["data"]["stage"] == "won"
        async with installation.api("pipeline", roles=("rep",)) as api:
            assert (await api.get("/v1/snapshots/deals")).status_code == 403
