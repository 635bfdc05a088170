"""A consumer applies everything once and in order, whatever the broker does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from shared import clock
from shared.auth.client import TokenSource
from shared.context import Context
from shared.contracts.pipeline import AccountSaved
from shared.db import Database
from shared.events.broker import Broker
from shared.events.consumer import Consumer, Subscription
from shared.events.feed import FeedClient
from shared.ids import new_id
from shared.metrics import Metrics
from shared.tasks import end
from tests.service.conftest import Installation
from tests.service.events.told import Heard, account, tell

WATERMARK = "SELECT number, stopped FROM watermark WHERE consumer = 'listener'"
LEASE = "SELECT holder, fence FROM lease WHERE name = 'consumer:listener:pipeline:0'"
HOLDER = "SELECT holder FROM lease WHERE name = 'consumer:listener:pipeline:0'"
TAKE = """
    UPDATE lease
       SET holder = gen_random_uuid(), fence = fence + 1,
           expires_at = clock_timestamp() - interval '1 second'
     WHERE name = 'consumer:listener:pipeline:0'
"""
PARKED = "SELECT number, reason FROM parked ORDER BY number"


@dataclass
class Listening:
    """A source that tells of accounts, and a consumer in another service that hears them."""

    source: Database
    database: Database
    broker: Broker
    heard: Heard
    run: Callable[[], Coroutine[Any, Any, None]]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Start one more consumer."""
        self.tasks.append(asyncio.create_task(self.run()))

    async def stop(self) -> None:
        """Stop the consumers."""
        await end(self.tasks)
        self.tasks.clear()

    async def tell(self, *names: str) -> None:
        await tell(self.source, *(account(name=name) for name in names))

    async def lose(self, count: int) -> None:
        """Take the source back to where the last events had never been, as a restore does."""
        async with self.source.acquire() as conn:
            head = await conn.fetchval("SELECT head FROM relay") - count
            await conn.execute("DELETE FROM event_log WHERE number > $1", head)
            await conn.execute(
                "UPDATE relay SET head = $1, acknowledged = least(acknowledged, $1),"
                " head_event_id = (SELECT event_id FROM event_log WHERE number = $1)",
                head,
            )

    async def until(self, number: int) -> None:
        """Wait until the consumer is at a number."""
        for _ in range(1_000):
            if (await self.mark())[0] >= number:
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"the consumer is at {await self.mark()}, not at {number}")

    async def mark(self) -> tuple[int, str | None]:
        async with self.database.acquire() as conn:
            row = await conn.fetchrow(WATERMARK)
        return (0, None) if row is None else (row["number"], row["stopped"])

    async def stopped(self) -> tuple[int, str]:
        """Wait until the consumer has stopped; return where and why."""
        for _ in range(500):
            number, reason = await self.mark()
            if reason is not None:
                return number, reason
            await asyncio.sleep(0.01)
        pytest.fail("the consumer goes on")

    async def parked(self) -> list[tuple[int, str]]:
        async with self.database.acquire() as conn:
            return [(row["number"], row["reason"]) for row in await conn.fetch(PARKED)]


@asynccontextmanager
async def listening(installation: Installation, feed_address: str = "") -> AsyncIterator[Listening]:
    settings = installation.settings("knowledge")
    heard = Heard()
    async with (
        installation.serve("pipeline") as address,
        installation.open("pipeline") as source,
        installation.open("knowledge") as database,
        httpx.AsyncClient() as http,
    ):
        secret = settings.client_secret.get_secret_value()
        tokens = TokenSource(http, settings.token_url, settings.client_id, secret)
        feed = FeedClient(http, tokens, {"pipeline": feed_address or address})
        broker = Broker(settings.nats_url, settings.installation, "test")
        broker.start()
        subscription = Subscription(
            "listener", "pipeline", frozenset({AccountSaved.TYPE}), heard.react
        )

        def run() -> Coroutine[Any, Any, None]:
            metrics = Metrics("knowledge")
            return Consumer(
                subscription, 0, database, broker, feed, metrics, own_context, lease_seconds=1
            ).run()

        listener = Listening(source, database, broker, heard, run)
        try:
            yield listener
        finally:
            await listener.stop()
            await broker.close()


def own_context() -> Context:
    return Context("listener", clock.now(), new_id())


def names(first: int, last: int) -> list[str]:
    return [f"客户{number}" for number in range(first, last + 1)]


async def test_everything_is_applied_once_and_in_order(installation: Installation) -> None:
    async with listening(installation) as listener:
        listener.start()
        for first in range(1, 200, 20):
            await listener.tell(*names(first, first + 19))
        await listener.until(200)
        assert listener.heard.names == names(1, 200)


async def test_a_backlog_is_taken_in_batches(installation: Installation) -> None:
    async with listening(installation) as listener:
        await listener.tell(*names(1, 1_200))
        listener.start()
        await listener.until(1_200)
        assert listener.heard.names == names(1, 1_200)
        assert len(listener.heard.batches) <= 20


async def test_a_second_consumer_waits_and_takes_over(installation: Installation) -> None:
    async with listening(installation) as listener:
        listener.start()
        first = listener.tasks[0]
        listener.start()
        await listener.tell(*names(1, 50))
        await listener.until(50)
        await end([first])
        await listener.tell(*names(51, 100))
        await listener.until(100)
        assert listener.heard.names == names(1, 100)


async def test_a_batch_that_takes_too_long_is_taken_in_smaller_ones(
    installation: Installation,
) -> None:
    async with listening(installation) as listener:
        listener.heard.most = 100
        await listener.tell(*names(1, 600))
        listener.start()
        await listener.until(600)
        assert listener.heard.names == names(1, 600)


async def test_an_idle_consumer_keeps_its_lease(installation: Installation) -> None:
    async with listening(installation) as listener:
        listener.start()
        await listener.tell(*names(1, 1))
        await listener.until(1)
        listener.start()
        async with listener.database.acquire() as conn:
            before = await conn.fetchrow(LEASE)
            await asyncio.sleep(3)  # three times as long as the lease
            assert await conn.fetchrow(LEASE) == before


async def test_an_idle_consumer_sees_that_its_lease_was_taken(installation: Installation) -> None:
    async with listening(installation) as listener:
        listener.start()
        await listener.tell(*names(1, 1))
        await listener.until(1)
        async with listener.database.acquire() as conn:
            holder = await conn.fetchval(HOLDER)
            await conn.execute(TAKE)  # by a process that has died since
            for _ in range(300):
                if await conn.fetchval(HOLDER) == holder:
                    return
                await asyncio.sleep(0.01)
    pytest.fail("it believes that it has the lease, and nobody has")


async def test_events_that_the_broker_lost_come_from_the_feed(installation: Installation) -> None:
    async with listening(installation) as listener:
        listener.start()
        await listener.tell(*names(1, 10))
        await listener.until(10)
        jetstream = listener.broker.client().jetstream()
        await jetstream.purge_stream(listener.broker.stream_of("pipeline"))
        await jetstream.delete_stream(listener.broker.stream_of("pipeline"))
        await listener.tell(*names(11, 20))
        await listener.until(20)
        assert listener.heard.names == names(1, 20)


async def test_a_stream_that_lost_its_end_is_read_from_there_on(installation: Installation) -> None:
    async with listening(installation, feed_address="http://127.0.0.1:1") as listener:
        listener.start()
        await listener.tell(*names(1, 3))
        await listener.until(3)
        await listener.stop()
        async with listener.database.acquire() as conn:  # a copy of the store had brought us there
            await conn.execute("UPDATE watermark SET stream_sequence = stream_sequence + 1000")
        listener.start()
        await listener.tell(*names(4, 6))
        await listener.until(6)
        assert listener.heard.names == names(1, 6)


async def test_a_feed_that_is_away_stops_nobody(installation: Installation) -> None:
    async with listening(installation, feed_address="http://127.0.0.1:1") as listener:
        listener.start()
        await listener.tell(*names(1, 10))
        await listener.until(10)
        assert listener.heard.names == names(1, 10)


async def test_a_stopped_consumer_goes_on_where_the_operator_says(
    installation: Installation,
) -> None:
    async with listening(installation) as listener:
        listener.start()
        await listener.tell(*names(1, 3))
        await listener.until(3)
        await listener.stop()
        async with listener.database.acquire() as conn:
            await conn.execute("UPDATE watermark SET stopped = '来源已从旧备份恢复'")
            event_id = await conn.fetchval("SELECT event_id FROM watermark")
        await listener.tell(*names(4, 5))
        async with installation.api("knowledge") as api:
            (stopped,) = (await api.get("/v1/consumers")).json()["items"]
            assert (stopped["number"], stopped["stopped"]) == (3, "来源已从旧备份恢复")
            body = {"after": 3, "event_id": str(event_id)}
            answer = await api.post("/v1/consumers/listener/pipeline/0/resume", json=body)
            assert answer.json()["stopped"] is None
            again = await api.post("/v1/consumers/listener/pipeline/0/resume", json=body)
            assert (again.status_code, again.json()["code"]) == (409, "consumer_not_stopped")
        listener.start()
        await listener.until(5)
        assert listener.heard.names == names(1, 5)


async def test_what_is_refused_is_parked_and_the_rest_flows(installation: Installation) -> None:
    async with listening(installation) as listener:
        listener.heard.refuse = {"客户3"}
        await listener.tell(*names(1, 5))
        listener.start()
        await listener.until(5)
        assert listener.heard.names == ["客户1", "客户2", "客户4", "客户5"]
        assert await listener.parked() == [(3, "拒绝处理")]


@pytest.mark.parametrize(
    ("told_again", "why"),
    [(4, "restored from an old backup"), (2, "Event 5 of pipeline is ")],
    ids=["more events", "as many events"],
)
async def test_a_source_from_an_old_backup_stops_the_consumer(
    installation: Installation, told_again: int, why: str
) -> None:
    async with listening(installation) as listener:
        listener.start()
        await listener.tell(*names(1, 5))
        await listener.until(5)
        await listener.stop()
        await listener.lose(2)
        await listener.tell(*names(6, 5 + told_again))
        await asyncio.sleep(0.3)
        listener.start()
        number, reason = await listener.stopped()
        assert number == 5
        assert why in reason
        assert listener.heard.names == names(1, 5)


async def test_what_the_broker_still_holds_of_a_lost_history_is_not_applied(
    installation: Installation,
) -> None:
    async with listening(installation) as listener:
        listener.start()
        await listener.tell(*names(1, 3))
        await listener.until(3)
        await listener.stop()
        await listener.tell(*names(4, 8))
        await asyncio.sleep(0.5)  # so that the broker has them
        await listener.lose(5)
        listener.start()
        await asyncio.sleep(0.5)
        assert await listener.mark() == (3, None)
        await listener.tell(*names(9, 12))
        await listener.until(7)
        assert listener.heard.names == [*names(1, 3), *names(9, 12)]
