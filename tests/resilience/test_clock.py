"""Clocks that disagree: figures and order follow from what is said, never from when."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from tests.flow.world import EAST, LI, WANG, World, founded
from tests.resilience.scale import FULL, scaled
from tests.resilience.schemas import schema
from tests.resilience.wholeness import whole

SHIFTS = {"pipeline": timedelta(), "targets": timedelta(hours=-1), "performance": timedelta(days=2)}
ROTATIONS = [
    dict(zip(SHIFTS, [*list(SHIFTS.values())[turn:], *list(SHIFTS.values())[:turn]], strict=True))
    for turn in range(len(SHIFTS))
]
QUARTERS = {"2028-02-29": "2028-Q1", "2028-03-31": "2028-Q1", "2028-04-01": "2028-Q2"}
"""A leap day and both sides of a quarter's end."""


def library() -> Path | None:
    """Return the library that shifts the clock of a process, None where it is not installed."""
    found = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    if library() is None:
        pytest.skip("libfaketime is not installed, so no process can have a clock of its own")
    with throwaway_folder() as folder:
        async with Stack(folder, isolated=True, durable=False) as started:
            yield started


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    async with founded(stack) as made:
        yield made


@contextmanager
def clock_at(shift: timedelta) -> Iterator[None]:
    """Let processes that are started meanwhile live at another time."""
    given = {
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{shift.total_seconds():+.0f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def restarted(
    stack: Stack, before: Mapping[str, timedelta], after: Mapping[str, timedelta]
) -> None:
    """Start again whose clock changes."""
    for name, shift in after.items():
        if shift == before[name]:
            continue
        await stack.services[name].stop()
        with clock_at(shift):
            await stack.services[name].start()


async def clock_of(stack: Stack, service: str) -> timedelta:
    """Return how far the clock of a service is from the database's, in whole minutes."""
    async with schema(stack, service) as conn:
        ahead: timedelta = await conn.fetchval(
            "SELECT occurred_at - logged_at FROM event_log ORDER BY number DESC LIMIT 1"
        )
    return timedelta(minutes=round(ahead / timedelta(minutes=1)))


def token_at(stack: Stack, shift: timedelta) -> str:
    """Return a token as a service at that time accepts it."""
    now = datetime.now(UTC) + shift
    claims = {
        "iss": stack.issuer.url,
        "aud": stack.issuer.audience,
        "sub": "tester",
        "iat": now,
        "exp": now + timedelta(hours=1),
        "jti": str(uuid4()),
        "client_id": "tester",
        "roles": ["admin"],
    }
    return stack.issuer._key.sign(claims)


@pytest.mark.parametrize("shifts", scaled(ROTATIONS[:1], ROTATIONS))
async def test_services_that_disagree_about_the_time(
    world: World, shifts: Mapping[str, timedelta]
) -> None:
    stack = world.stack
    await world.pay_sellers(since="2028-01-01")
    for quarter in ("2028-Q1", "2028-Q2"):
        await world.set_target(LI, "1000", quarter)
        await world.set_target(EAST, "3000", quarter)
    right = dict.fromkeys(shifts, timedelta())

    async def at_its_time(request: httpx.Request) -> None:
        service = request.url.path.split("/")[1]
        request.headers["Authorization"] = f"Bearer {token_at(stack, shifts[service])}"

    try:
        await restarted(stack, right, shifts)
        world.http.event_hooks = {"request": [at_its_time]}
        for day in QUARTERS:
            await world.won_deal("400.10", shares={LI: "0.5", WANG: "0.5"}, on=day)
        moved = await world.won_deal("1000.00", owner=LI, on="2028-03-31")
        await world.reopen(moved)
        await world.win(moved, on="2028-04-01")
        await whole(stack)
        assert {name: await clock_of(stack, name) for name in shifts} == shifts
        await _paid_as_said(world)
    finally:
        world.http.event_hooks = {}
        if FULL:  # where another scenario follows
            await restarted(stack, shifts, right)
    if FULL:
        await whole(stack)
        await _paid_as_said(world)


async def _paid_as_said(world: World) -> None:
    assert [await world.revenue(LI, quarter) for quarter in ("2028-Q1", "2028-Q2")] == [
        "400.10",
        "1200.05",
    ]
    assert await world.attainment(EAST, "2028-Q1") == "0.266733"  # 800.20 ÷ 3,000
    # 1,000 × 5 % + 200.05 × 8 %
    assert Decimal(await world.incentive(LI, "2028-Q2") or 0) == Decimal("66.00")
    assert await world.incentive(WANG, "2028-Q1") == "20.01"  # 400.10 × 5 % = 20.005
