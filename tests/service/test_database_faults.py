"""What the database refuses for reasons of its own is waited out: it is nobody's fault."""

import asyncio

import asyncpg
import pytest

from shared.db import UNAVAILABLE, Connection, Database, DatabaseUnavailable, Sessions
from shared.failpoints import arm, armed
from shared.ids import derived_id
from tests.service.conftest import Installation
from tests.service.events.test_consumer import listening, names
from tests.service.performance_world import deal, performance

LI = derived_id("member", "李雷")

FAULTS = [
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.PostgresIOError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DatabaseDroppedError,
    asyncpg.InternalClientError,
]


@pytest.mark.parametrize("kind", FAULTS)
def test_it_counts_as_unavailable(kind: type[Exception]) -> None:
    assert issubclass(kind, UNAVAILABLE)


@pytest.fixture(
    params=[asyncpg.DiskFullError, asyncpg.InternalClientError], ids=lambda fault: fault.__name__
)
def fault(request: pytest.FixtureRequest) -> type[Exception]:
    kind: type[Exception] = request.param
    return kind


async def test_an_event_is_not_parked_for_it(
    installation: Installation, fault: type[Exception]
) -> None:
    async def fail_again() -> None:
        raise fault("still not now")

    async def fail() -> None:
        arm("consumer.advanced@1", fail_again)
        raise fault("not now")

    async with listening(installation) as listener:
        with armed("consumer.advanced@1", fail):
            listener.start()
            await listener.tell(*names(1, 3))
            await listener.until(3)
        assert listener.heard.names == names(1, 3)
        assert await listener.parked() == []


async def test_a_request_may_be_sent_again(
    installation: Installation, fault: type[Exception]
) -> None:
    async def fail() -> None:
        raise fault("not now")

    async with installation.api("pipeline") as api:
        headers = {"Idempotency-Key": "1"}
        with armed("request.done@1", fail):
            refused = await api.post("/v1/accounts", json={"name": "海鸥"}, headers=headers)
        assert (refused.status_code, refused.json()["retryable"]) == (503, True)
        made = await api.post("/v1/accounts", json={"name": "海鸥"}, headers=headers)
        assert made.status_code == 201


async def test_a_payee_is_not_set_aside_for_it(
    installation: Installation, fault: type[Exception]
) -> None:
    async def fail() -> None:
        raise fault("not now")

    async with performance(installation) as world:
        await world.tell(deal({LI: "1000"}))
        await world.make(payees=[LI])
        with armed("recalculation.taken@1", fail), pytest.raises(DatabaseUnavailable):
            await world.settle()
        assert await world.settle() == 1
        assert await world.due(LI) == "50.00"


LOCK = "SELECT revision FROM organisation WHERE id = 1 FOR UPDATE"


async def test_a_process_that_hangs_in_the_middle_of_a_statement_lets_go(
    installation: Installation,
) -> None:
    """It sent a statement and not its parameters: no timeout but that of transactions sees it."""
    hangs, ends = asyncio.Event(), asyncio.Event()

    async def hang(conn: Connection) -> None:
        await conn.fetch(LOCK)
        await conn.prepare("SELECT 1")
        hangs.set()
        await ends.wait()

    async def lock(conn: Connection) -> int:
        return len(await conn.fetch(LOCK))

    settings = installation.settings("targets", statement_timeout_ms=100)
    hanging = await Database.connect(settings, "targets")
    task = asyncio.create_task(hanging.transact(hang))
    async with installation.open("targets") as database:
        if await database.read(server_version) < 17:
            pytest.skip("transaction_timeout came with PostgreSQL 17")
        await hangs.wait()
        assert await database.transact(lock) == 1  # within the three seconds of its lock timeout
    ends.set()
    with pytest.raises(DatabaseUnavailable):
        await task
    await hanging.close()


async def server_version(conn: Connection) -> int:
    return int(conn.get_server_version().major)


async def test_a_server_that_does_not_know_a_limit_is_used_without_it(
    installation: Installation,
) -> None:
    connect = Sessions({"no_such_limit": "1"})
    for _ in range(2):
        conn = await connect(installation.dsn("targets"), server_settings={"jit": "off"})
        assert await conn.fetchval("SHOW jit") == "off"
        await conn.close()
