"""A database or broker that stands still, is cut off or slow: every call is answered all the same.

Statements may take a minute here, so whatever is answered while the database stands still has not
waited for one.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from deploy.local.ports import LOOPBACK
from tests.hostile.frozen import frozen
from tests.hostile.serving import client, served
from tests.hostile.wire import Wire, wired
from tests.resilience.scale import SEED, scaled
from tests.service.conftest import Installation

POOL = 4
PATIENT = {
    "statement_timeout_ms": 60_000,
    "pool_size": POOL,
    "rate_limit": 0,
    "slots": 8,
    "queue_limit": 50,
    "queue_ms": 5_000,
}
ACCOUNTS = "/pipeline/v1/accounts"
CALLS = 40
LOOKS = 50
ANSWERED_WITHIN = 20.0
"""Far more than it takes: what is held here is that an answer comes, the bench has the time."""


@dataclass(frozen=True)
class Place:
    """A service whose database is at the end of a wire."""

    installation: Installation
    wire: Wire
    api: httpx.AsyncClient

    async def calls(self, over: float) -> list[httpx.Response]:
        """Send reads and writes within so many seconds; return all answers."""
        dice = random.Random(SEED)

        async def call(number: int) -> httpx.Response:
            await asyncio.sleep(dice.random() * over)
            if number % 2:
                return await self.api.get(ACCOUNTS)
            return await self.api.post(ACCOUNTS, json={"name": f"东方机械 {number}"})

        async with asyncio.timeout(over + ANSWERED_WITHIN):
            return await asyncio.gather(*(call(number) for number in range(CALLS)))

    async def recovered(self) -> None:
        """Wait until everything is answered again; nothing may be left behind in the database."""
        for _ in range(LOOKS):
            answers = await self.calls(0.1)
            check(answers)
            if {answer.status_code for answer in answers} <= {200, 201}:
                break
        else:
            pytest.fail("not everything is answered again")
        left_behind = 0
        for _ in range(LOOKS):
            left_behind = await self._left_behind()
            if not left_behind:
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"{left_behind} sessions are left behind in the database")

    async def _left_behind(self) -> int:
        """Return how many sessions are in a transaction, or more than the pool has."""
        admin = await asyncpg.connect(self.installation.servers.postgres.dsn("postgres"))
        try:
            states = await admin.fetch(
                "SELECT state FROM pg_stat_activity WHERE datname = $1", self.installation.database
            )
        finally:
            await admin.close()
        busy: int = sum(row["state"] != "idle" for row in states)
        return busy + max(0, len(states) - POOL)


@pytest.fixture
async def place(installation: Installation) -> AsyncIterator[Place]:
    async with wired(installation.servers.postgres.port) as wire:
        url = urlsplit(installation.dsn("pipeline"))
        login = url.netloc.rpartition("@")[0]
        through = urlunsplit(url._replace(netloc=f"{login}@{LOOPBACK}:{wire.port}"))
        async with (
            served(installation, {**PATIENT, "database_url": through}) as server,
            client(installation, server) as api,
        ):
            made = Place(installation, wire, api)
            await made.calls(0.1)
            yield made


def check(answers: list[httpx.Response]) -> None:
    """Hold each answer to be one, or a problem that says to try again."""
    for answer in answers:
        assert answer.status_code in {200, 201, 503}, answer.text
        if answer.status_code == 503:
            assert answer.json()["code"] in {"database_unavailable", "overloaded"}
            assert answer.headers["retry-after"]


async def test_every_call_is_answered_while_the_database_is_frozen(place: Place) -> None:
    with frozen(place.installation.servers.postgres.child.pid):
        answers = await place.calls(2)
        assert 503 in {answer.status_code for answer in answers}
        check(answers)
        await asyncio.sleep(scaled(0, 40))
        check(await place.calls(2))
    await place.recovered()


@pytest.mark.parametrize("seconds", scaled([0.5], [0.2, 0.5, 1, 1.5, 2, 3, 5, 10, 60]))
async def test_a_database_that_stops_for_a_while_is_waited_for_or_told(
    place: Place, seconds: float
) -> None:
    calls = asyncio.create_task(place.calls(seconds))
    await asyncio.sleep(0.1)
    with frozen(place.installation.servers.postgres.child.pid):
        await asyncio.sleep(seconds)
    check(await calls)
    await place.recovered()


async def test_every_call_is_answered_while_nothing_comes_through(place: Place) -> None:
    place.wire.passing.clear()
    answers = await place.calls(2)
    assert 503 in {answer.status_code for answer in answers}
    check(answers)
    place.wire.passing.set()
    await place.recovered()


async def test_every_call_is_answered_while_connections_break_off(place: Place) -> None:
    calls = asyncio.create_task(place.calls(2))
    for _ in range(20):
        await asyncio.sleep(0.1)
        place.wire.cut()
    check(await calls)
    await place.recovered()


async def test_a_slow_wire_is_waited_for(place: Place) -> None:
    place.wire.bytes_per_second = 100_000
    check(await place.calls(5))
    place.wire.bytes_per_second = 0
    await place.recovered()


async def test_a_statement_may_take_longer_than_a_sign_of_life(place: Place) -> None:
    # Whoever holds a lock for long does so by intent.
    admin = await asyncpg.connect(place.installation.dsn("pipeline"))
    async with admin.transaction():
        await admin.execute("LOCK TABLE pipeline.account IN ACCESS EXCLUSIVE MODE")
        calls = asyncio.create_task(place.api.get(ACCOUNTS))
        await asyncio.sleep(2.7)
        assert not calls.done()
    assert (await calls).status_code == 200
    await admin.close()


async def test_a_frozen_broker_holds_nobody_up(place: Place) -> None:
    with frozen(place.installation.servers.nats.child.pid):
        await place.recovered()
    await place.recovered()
