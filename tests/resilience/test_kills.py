"""Kills without rhyme or reason, one after another, while companies live their days."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

import asyncpg
import pytest

from deploy.local.hosting import Isolated
from deploy.local.supervisor import Child
from tests.resilience.day import Days
from tests.resilience.installation import Installation, kill_process
from tests.resilience.persistent import enduring
from tests.resilience.scale import SEED, scaled
from tests.resilience.wholeness import whole

KILLS = scaled(3, 300)
SECONDS_MAX = scaled(8, 1_500)
COMPANIES = scaled(1, 3)
PAUSE_SECONDS_MAX = 0.6
REST_EVERY = 25

Kill = Callable[[], Awaitable[None]]
"""Kills something and brings it back, as an orchestrator would."""


class Killer:
    """Kills at random; ``killed`` says what, in order."""

    def __init__(
        self, installation: Installation, seconds: Mapping[str, Isolated], seed: int
    ) -> None:
        self.dice = random.Random(seed)
        self.killed: list[str] = []
        self._installation = installation
        self._victims: dict[str, Kill] = {
            **{f"{name}'s second": self._second(process) for name, process in seconds.items()},
            **{name: self._service(name) for name in installation.stack.services},
            "NATS": self._nats,
            "a session": self._session,
            "PostgreSQL": self._postgres,
        }

    async def strike(self) -> None:
        """Kill one thing, or two at once, after a moment."""
        await asyncio.sleep(self.dice.uniform(0, PAUSE_SECONDS_MAX))
        names = self.dice.sample(sorted(self._victims), self.dice.choice((1, 1, 2)))
        self.killed += names
        await asyncio.gather(*(self._victims[name]() for name in names))

    def _service(self, name: str) -> Kill:
        async def kill() -> None:
            await self._installation.kill(name)
            await self._moment()
            await self._installation.start(name)

        return kill

    def _second(self, process: Isolated) -> Kill:
        async def kill() -> None:
            child = process.child
            assert isinstance(child, Child)
            await asyncio.to_thread(child.kill)
            await self._moment()
            await process.stop()
            await process.start()

        return kill

    async def _nats(self) -> None:
        await self._installation.kill_nats()
        await self._moment()
        await self._installation.start_nats()

    async def _postgres(self) -> None:
        await self._installation.kill_postgres()
        await self._moment()
        await self._installation.start_postgres()

    async def _session(self) -> None:
        try:
            found = await self._installation.backends()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return  # the whole server was killed just now
        if found:
            kill_process(self.dice.choice(found))

    async def _moment(self) -> None:
        await asyncio.sleep(self.dice.uniform(0, PAUSE_SECONDS_MAX))


@pytest.mark.parametrize("seed", [SEED])  # so that every report names it
async def test_kills_at_random_lose_nothing_and_double_nothing(
    installation: Installation, seed: int, record_property: Callable[[str, object], None]
) -> None:
    until = time.monotonic() + SECONDS_MAX
    async with AsyncExitStack() as held:
        worlds = [
            await held.enter_async_context(enduring(installation.stack)) for _ in range(COMPANIES)
        ]
        seconds = {
            name: await held.enter_async_context(installation.second(name))
            for name in scaled((), ("pipeline", "targets", "performance"))
        }
        killer = Killer(installation, seconds, seed)
        companies = [Days(world) for world in worlds]
        await asyncio.gather(*(days.begin() for days in companies))
        while len(killer.killed) < KILLS and time.monotonic() < until:
            over = asyncio.Event()
            lives = asyncio.gather(*(days.live_until(over) for days in companies))
            begun = len(killer.killed)
            try:
                while len(killer.killed) < min(KILLS, begun + REST_EVERY):
                    await killer.strike()
            finally:
                over.set()
            await lives
            await whole(installation.stack, 60)
            for days in companies:
                assert await days.figures() == days.expected(), killer.killed
        record_property("kills", len(killer.killed))
        record_property("days", sum(days.count for days in companies))
