"""Starting a service: what refuses it, what it waits out, and what its readiness says of it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from deploy.serving import load
from shared import clock
from shared.events.broker import Broker, BrokerUnavailable
from shared.events.doorbell import Doorbell
from shared.events.log import PartitionsDiffer
from shared.http.service import create_app
from shared.runtime import FeedMissing, Role
from tests.service.conftest import Installation
from tests.service.events.told import account, tell

ACCOUNT = "/v1/accounts/by-external/crm/1"
TO_THE_LOG = """
    INSERT INTO event_log (
        partition, number, event_id, type, aggregate_id, aggregate_version, occurred_at,
        correlation_id, origin, payload)
    SELECT 0, 0, event_id, type, aggregate_id, aggregate_version, occurred_at, correlation_id,
           origin, payload
      FROM outbox
"""


@asynccontextmanager
async def started(
    installation: Installation, service: str, role: Role = Role.ALL, **settings: object
) -> AsyncIterator[httpx.AsyncClient]:
    """Run a service with settings of its own; lend a client of it."""
    app = create_app(load(service), installation.settings(service, **settings), role)
    token = installation.servers.issuer.token("tester", ("admin",))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://service",
            headers={"Authorization": f"Bearer {token}"},
        ) as client,
    ):
        yield client


async def readiness(api: httpx.AsyncClient, status: int, **facts: str) -> None:
    """Wait until readiness answers with that status and says these facts."""
    answer = await api.get("/health/ready")
    for _ in range(200):
        if answer.status_code == status and facts.items() <= answer.json().items():
            return
        await asyncio.sleep(0.05)
        answer = await api.get("/health/ready")
    pytest.fail(f"readiness is still {answer.status_code}: {answer.text}")


async def test_a_consumer_without_its_feed_refuses_to_start(installation: Installation) -> None:
    with pytest.raises(FeedMissing, match="targets consumes events of pipeline; PHAROS_FEEDS"):
        async with started(installation, "targets", feeds={}):
            pytest.fail("it started")
    async with started(installation, "targets", Role.API, feeds={}) as api:
        await readiness(api, 200)


async def test_another_number_of_partitions_refuses_to_start(installation: Installation) -> None:
    async with started(installation, "pipeline") as api:
        await readiness(api, 200)
    with pytest.raises(PartitionsDiffer):
        async with started(installation, "pipeline", partitions=2):
            pytest.fail("it started")


async def test_a_row_in_the_default_partition_does_not_keep_a_service_from_its_work(
    installation: Installation,
) -> None:
    async with installation.open("pipeline") as database:
        await tell(database, account())
        async with database.acquire() as conn:
            await conn.execute(TO_THE_LOG)
            await conn.execute("DELETE FROM outbox")
    async with started(installation, "pipeline") as api:
        await api.put(ACCOUNT, json={"name": "上海灯塔"})
        page = (await api.get("/v1/events", params={"wait": 10})).json()
        assert page["head"] == 1
        figures = (await api.get("/metrics")).text
        assert "pharos_pipeline_log_default_rows 1.0" in figures


# asyncpg leaves a transport open when the server refuses a session; it is collected right here.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_service_that_cannot_begin_its_work_is_not_ready_and_says_why(
    installation: Installation,
) -> None:
    dsn, name = installation.servers.postgres.dsn("postgres"), installation.database
    async with started(installation, "pipeline"):
        pass
    admin = await asyncpg.connect(dsn)
    try:
        # The database is away at the start, and comes back as one of other partitions.
        await admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        async with started(installation, "pipeline", partitions=2) as api:
            await readiness(api, 503)
            await admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            await readiness(api, 503, database="connected", work="PartitionsDiffer")
            async with installation.open("pipeline") as database, database.acquire() as conn:
                await conn.execute("INSERT INTO relay (partition) VALUES (1)")
            await readiness(api, 200)
            await api.put(ACCOUNT, json={"name": "上海灯塔"})
            heads = [
                (await api.get("/v1/events", params={"wait": 3, "partition": place})).json()["head"]
                for place in (0, 1)
            ]
            assert sorted(heads) == [0, 1]
    finally:
        await admin.close()
        gc.collect()


async def test_a_doorbell_that_could_not_listen_tries_again(installation: Installation) -> None:
    settings = installation.settings("pipeline")
    broker = Broker(settings.nats_url, settings.installation, "test")
    replica = Broker(settings.nats_url, settings.installation, "another replica")
    bell = Doorbell(broker, "pipeline", 0)
    with pytest.raises(BrokerUnavailable):
        await bell.listen()
    broker.start()
    replica.start()
    try:
        async with asyncio.timeout(10):
            while not (broker.connected and replica.connected):
                await clock.pause(0.02)
            await bell.listen()
            rung = Doorbell(replica, "pipeline", 0)
            while not await bell.wait(0.1):
                rung.ring()
    finally:
        await replica.close()
        await broker.close()
