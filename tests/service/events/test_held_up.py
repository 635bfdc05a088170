"""A holder that is held up loses its lease; when it goes on it does nothing that was done since."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.db import Database
from shared.events import log as event_log
from shared.failpoints import armed
from tests.resilience.scale import scaled
from tests.service.conftest import Installation
from tests.service.events.test_consumer import listening, names
from tests.service.events.test_relay import assert_dense_and_linked, numbered, relaying
from tests.service.events.told import account, tell

FENCE = "SELECT fence FROM lease WHERE name = $1"

RELAY = scaled(
    ["relay.publishing"],
    [
        "relay.leading",
        "relay.numbering",
        "relay.numbered",
        "relay.publishing",
        "broker.sent",
        "relay.published",
        "relay.remembered",
    ],
)
CONSUMER = scaled(
    ["consumer.committing"],
    [
        "consumer.leading",
        "consumer.fed",
        "consumer.advanced",
        "consumer.committing",
        "consumer.committed",
    ],
)


@asynccontextmanager
async def held_up(place: str, database: Database, lease: str) -> AsyncIterator[asyncio.Event]:
    """Hold up whoever comes there first, until somebody else has its lease.

    The event is set once it was held up and goes on.
    """
    goes_on = asyncio.Event()

    async def fence() -> int:
        async with database.acquire() as conn:
            return await conn.fetchval(FENCE, lease) or 0

    async def wait() -> None:
        before = await fence()
        for _ in range(1_000):
            if await fence() > before:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("nobody has taken over")
        await asyncio.sleep(0.2)  # and does its work
        goes_on.set()

    with armed(f"{place}@1", wait):
        yield goes_on


@pytest.mark.parametrize("place", RELAY)
async def test_a_relay_that_was_held_up_gives_no_number(
    installation: Installation, place: str
) -> None:
    async with (
        installation.open("pipeline") as looking,
        held_up(place, looking, "relay:0") as goes_on,
        relaying(installation, relays=2) as database,
    ):
        for _ in range(20):
            await tell(database, account(), account())
            await asyncio.sleep(0.01)
        async with asyncio.timeout(15):
            await goes_on.wait()
        await tell(database, *(account() for _ in range(10)))
        assert_dense_and_linked(await numbered(database, 50))
        async with looking.acquire() as conn:
            for _ in range(500):
                if await event_log.acknowledged(conn, 0) == 50:
                    break
                await asyncio.sleep(0.01)
            assert await event_log.acknowledged(conn, 0) == 50


@pytest.mark.parametrize("place", CONSUMER)
async def test_a_consumer_that_was_held_up_applies_nothing_twice(
    installation: Installation, place: str
) -> None:
    async with listening(installation) as listener:
        await listener.tell(*names(1, 20))
        await numbered(listener.source, 20)  # so that the feed has them at the first look
        async with (
            installation.open("knowledge") as looking,
            held_up(place, looking, "consumer:listener:pipeline:0") as goes_on,
        ):
            listener.start()
            listener.start()
            await listener.tell(*names(21, 40))
            async with asyncio.timeout(20):
                await goes_on.wait()
            await listener.tell(*names(41, 60))
            await listener.until(60)
            assert listener.heard.names == names(1, 60)
            await listener.stop()
