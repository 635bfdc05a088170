"""Broker amnesia: whatever the broker forgets, nothing is lost and nobody has to help."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import nats
import pytest
from nats.js.client import JetStreamContext

from deploy.local.nats import EmbeddedNats
from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from shared.tasks import end
from tests.flow.world import CHEN, COMPANY, EAST, LI, WANG, World, founded
from tests.resilience.scale import scaled
from tests.resilience.selling import AMOUNT, SHARES, Sales
from tests.resilience.wholeness import whole

AMNESIAS = scaled(1, 20)


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False) as started:
            if started.nats is None:
                pytest.skip("the broker is not ours to break (PHAROS_NATS_URL)")
            yield started


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    async with founded(stack) as made:
        await made.pay_sellers()
        await made.pay_leader(CHEN)
        await made.set_target(EAST, "10000")
        yield made


@asynccontextmanager
async def selling(world: World) -> AsyncIterator[Sales]:
    """Sell meanwhile; afterwards everything follows by itself and every figure is right."""
    sales = Sales(world)
    task = asyncio.create_task(sales.go_on())
    try:
        yield sales
    finally:
        if not task.done():
            await end([task])
        elif (error := task.exception()) is not None:
            raise error
    await closed(world, len(sales.deals))


async def closed(world: World, won: int) -> None:
    """Check what so many won deals must have brought."""
    await whole(world.stack)
    assert await world.won(COMPANY) in {won, won + 1}  # the last answer may not have been heard
    deals = await world.won(COMPANY)
    assert Decimal(await world.revenue(COMPANY)) == AMOUNT * deals
    assert Decimal(await world.revenue(LI)) + Decimal(await world.revenue(WANG)) == AMOUNT * deals
    revenue = Decimal(await world.revenue(LI))
    assert Decimal(await world.incentive(LI) or 0) == (revenue * 5 / 100).quantize(Decimal("0.01"))


def broker_of(world: World) -> EmbeddedNats:
    broker = world.stack.nats
    assert broker is not None
    return broker


@asynccontextmanager
async def jetstream_of(world: World) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(broker_of(world).url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def streams_deleted(world: World) -> None:
    async with jetstream_of(world) as jetstream:
        for info in await jetstream.streams_info():
            await jetstream.delete_stream(info.config.name or "")


async def streams_purged(world: World) -> None:
    async with jetstream_of(world) as jetstream:
        for info in await jetstream.streams_info():
            await jetstream.purge_stream(info.config.name or "")


async def consumers_deleted(world: World) -> None:
    async with jetstream_of(world) as jetstream:
        for info in await jetstream.streams_info():
            name = info.config.name or ""
            for consumer in await jetstream.consumers_info(name):
                await jetstream.delete_consumer(name, consumer.name)


async def test_a_broker_that_forgets_everything_under_load(world: World) -> None:
    broker = broker_of(world)
    async with selling(world) as sales:
        for _ in range(AMNESIAS):
            await sales.more(3)
            await asyncio.to_thread(broker.stop)
            broker.wipe()
            await sales.more(2)
            await asyncio.to_thread(broker.start)
        await sales.more(3)


@pytest.mark.parametrize("fault", [streams_deleted, streams_purged, consumers_deleted])
async def test_parts_of_the_broker_that_vanish_under_load(
    world: World, fault: Callable[[World], Awaitable[None]]
) -> None:
    async with selling(world) as sales:
        for _ in range(scaled(2, 10)):
            await sales.more(5)
            await fault(world)
        await sales.more(5)


@pytest.mark.parametrize("listener", ["is ahead", "is behind"])
async def test_a_tail_that_was_cut_off_and_then_silence(world: World, listener: str) -> None:
    """The broker comes back with an older copy of its store, and nobody says anything new."""
    broker, targets = broker_of(world), world.stack.services["targets"]
    async with selling(world) as sales:
        await sales.more(3)
    await asyncio.to_thread(broker.stop)
    with throwaway_folder() as copy:
        copy_as_it_is(store_of(broker), copy / "store")
        await asyncio.to_thread(broker.start)
        if listener == "is behind":
            await targets.stop()
        won = len(sales.deals)
        for _ in range(5):
            await world.won_deal(str(AMOUNT), shares=SHARES)
            won += 1
        if listener == "is ahead":
            await whole(world.stack)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(broker.stop)
        broker.wipe()
        copy_as_it_is(copy / "store", store_of(broker))
        await asyncio.to_thread(broker.start)
    if listener == "is behind":
        await targets.start()
    await closed(world, won)


def store_of(broker: EmbeddedNats) -> Path:
    return broker.folder / "store"


def copy_as_it_is(source: Path, target: Path) -> None:
    """Copy a folder with its owners: as root the broker runs as somebody else."""
    subprocess.run(["cp", "--archive", str(source), str(target)], check=True)
