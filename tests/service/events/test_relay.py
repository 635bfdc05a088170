"""The relay gives dense numbers and links, in the order of the outbox, once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from shared.db import Database
from shared.events import log as event_log
from shared.events import outbox, retention
from shared.events.broker import Broker
from shared.events.doorbell import Doorbell
from shared.events.envelope import Event
from shared.events.relay import Relay
from shared.metrics import Metrics
from shared.tasks import end
from tests.service.conftest import Installation
from tests.service.events.told import account, context, tell


@asynccontextmanager
async def relaying(
    installation: Installation, *, relays: int = 1, partition: int = 0, broker_url: str = ""
) -> AsyncIterator[Database]:
    """Run relays of the pipeline service; yield its database."""
    settings = installation.settings("pipeline")
    async with installation.open("pipeline") as database:
        metrics = Metrics("pipeline")
        async with database.acquire() as conn:
            await event_log.ensure_partitions(conn, 1)
        await retention.tend(database, 35, metrics)
        broker = Broker(broker_url or settings.nats_url, settings.installation, "test")
        broker.start()
        bells = [Doorbell(broker, "pipeline", partition) for _ in range(relays)]

        def ring() -> None:
            for bell in bells:
                bell.ring()

        database.committed = ring
        tasks = [
            asyncio.create_task(
                Relay("pipeline", partition, database, broker, bell, metrics, 2).run()
            )
            for bell in bells
        ]
        try:
            yield database
        finally:
            await end(tasks)
            await broker.close()


async def numbered(database: Database, count: int) -> list[tuple[int, UUID, UUID | None]]:
    """Wait until the log has so many events; return (number, id, previous id)."""
    events: Sequence[Event] = ()
    for _ in range(500):
        async with database.acquire() as conn:
            events = await event_log.read(conn, "pipeline", 0, after=0, limit=10_000)
        if len(events) >= count:
            return [(event.number, event.id, event.previous_id) for event in events]
        await asyncio.sleep(0.01)
    pytest.fail(f"{len(events)} of {count} events were numbered")


def assert_dense_and_linked(events: list[tuple[int, UUID, UUID | None]]) -> None:
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    ids = [event_id for _, event_id, _ in events]
    assert [previous for _, _, previous in events] == [None, *ids[:-1]]
    assert len(set(ids)) == len(ids)


async def test_numbers_are_dense_and_each_event_names_the_one_before(
    installation: Installation,
) -> None:
    async with relaying(installation) as database:
        await asyncio.gather(*(tell(database, account(), account()) for _ in range(40)))
        assert_dense_and_linked(await numbered(database, 80))


async def test_an_event_that_commits_late_gets_a_later_number(installation: Installation) -> None:
    async with relaying(installation) as database:
        late = account(name="迟到")
        async with database.acquire() as conn, conn.transaction():
            await outbox.append(conn, [(context(), late)])  # has the lower place in the outbox
            await tell(database, account(name="先到"))
            await numbered(database, 1)
        events = await numbered(database, 2)
        assert_dense_and_linked(events)
        async with database.acquire() as conn:
            stored = await event_log.read(conn, "pipeline", 0, after=0, limit=10)
        assert ["先到" in (event.data or "") for event in stored] == [True, False]


async def test_two_relays_never_give_a_number_twice(installation: Installation) -> None:
    async with relaying(installation, relays=3) as database:
        await asyncio.gather(*(tell(database, account()) for _ in range(100)))
        assert_dense_and_linked(await numbered(database, 100))


async def test_without_a_broker_events_are_numbered_all_the_same(
    installation: Installation,
) -> None:
    async with relaying(installation, broker_url="nats://127.0.0.1:1") as database:
        await tell(database, *(account() for _ in range(5)))
        assert_dense_and_linked(await numbered(database, 5))


async def test_an_event_that_was_rolled_back_leaves_no_trace(installation: Installation) -> None:
    async with relaying(installation) as database:
        async with database.acquire() as conn:
            transaction = conn.transaction()
            await transaction.start()
            await outbox.append(conn, [(context(), account(name="没有发生"))])
            await transaction.rollback()
        await tell(database, account())
        assert_dense_and_linked(await numbered(database, 1))
