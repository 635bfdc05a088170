"""Two processes of one service: one works, the other takes over, and nothing is done twice."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tests.flow.world import World
from tests.resilience.day import Days
from tests.resilience.installation import Installation
from tests.resilience.scale import only_in_full, scaled
from tests.resilience.wholeness import whole

TAKING_OVER_SECONDS = 60
ROUNDS = scaled(1, 6)


@dataclass(frozen=True)
class Leases:
    """Holder and fence of each lease of a service, when each runs out, and when that was read."""

    holders: Mapping[str, tuple[UUID, int]]
    expiry: Mapping[str, datetime]
    at: datetime


async def leases(installation: Installation, service: str) -> Leases:
    """Return the leases of a service, by the database's clock."""
    admin = await installation.administrator()
    try:
        rows = await admin.fetch(
            f"SELECT name, holder, fence, expires_at, clock_timestamp() AS at FROM {service}.lease"
        )
    finally:
        await admin.close()
    return Leases(
        {row["name"]: (row["holder"], row["fence"]) for row in rows},
        {row["name"]: row["expires_at"] for row in rows},
        max(row["at"] for row in rows),
    )


async def taken_over(installation: Installation, service: str) -> None:
    """Wait until every lease is held by somebody who lives.

    Just now one of two was ended: a lease that runs out later than one renewed until now was
    taken, or renewed, since.
    """
    before = await leases(installation, service)
    length = timedelta(seconds=installation.stack.settings[service].lease_seconds)
    until = time.monotonic() + TAKING_OVER_SECONDS
    while True:
        now = await leases(installation, service)
        waiting = [name for name, at in now.expiry.items() if at <= before.at + length]
        if not waiting:
            break
        assert time.monotonic() < until, f"nobody has taken over: {waiting}"
        await asyncio.sleep(0.05)
    for name, (holder, fence) in now.holders.items():
        known, known_fence = before.holders[name]
        assert fence > known_fence or holder == known, name


@pytest.mark.parametrize("service", scaled(["targets"], ["pipeline", "targets", "performance"]))
async def test_the_other_takes_over_from_a_holder_that_died(
    installation: Installation, world: World, service: str
) -> None:
    days = Days(world)
    await days.begin()
    async with installation.second(service) as second:
        over = asyncio.Event()
        life = asyncio.create_task(days.live_until(over))
        for turn in range(ROUNDS):
            if turn:
                await second.stop()
                await second.start()
            first = await leases(installation, service)
            await installation.kill(service)
            await taken_over(installation, service)
            other = await leases(installation, service)
            assert first.holders != other.holders
            await installation.start(service)
            assert second.child is not None
            await asyncio.to_thread(second.child.kill)
            await taken_over(installation, service)
            assert other.holders != (await leases(installation, service)).holders
        over.set()
        await life
        await whole(installation.stack)
        assert await days.figures() == days.expected()


@only_in_full
@pytest.mark.parametrize("service", ["pipeline", "targets", "performance"])
async def test_a_holder_that_was_taken_for_dead_changes_nothing_any_more(
    installation: Installation, world: World, service: str
) -> None:
    days = Days(world)
    await days.begin()
    async with installation.second(service) as second:
        assert second.child is not None
        over = asyncio.Event()
        life = asyncio.create_task(days.live_until(over))
        # The first has the leases; each is held up in turn, as by a host that swaps or a pause of
        # the virtual machine, and comes back in the middle of what it was doing.
        for child in [installation.child(service), second.child] * ROUNDS:
            os.kill(child.pid, signal.SIGSTOP)
            try:
                await taken_over(installation, service)
            finally:
                os.kill(child.pid, signal.SIGCONT)
        over.set()
        await life
        await whole(installation.stack)
        assert await days.figures() == days.expected()
