"""What goes away comes back, and the figures are whole."""

import asyncio

import pytest

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from tests.flow.world import CHEN, COMPANY, EAST, LI, World, client, founded


async def test_wins_without_a_broker_are_worked_in_all_the_same(world: World) -> None:
    broker = world.stack.nats
    if broker is None:
        pytest.skip("the broker is not ours to stop (PHAROS_NATS_URL)")
    await world.pay_sellers()
    await world.won_deal("1000.00")
    await world.settle()
    await asyncio.to_thread(broker.stop)
    try:
        for _ in range(5):
            await world.won_deal("2000.00")
    finally:
        await asyncio.to_thread(broker.start)
    for _ in range(5):
        await world.won_deal("30000.00")
    await world.settle()
    # 1,000 + 5 × 2,000 + 5 × 30,000 = 161,000; × 5 % = 8,050
    assert await world.revenue(COMPANY) == "161000.00"
    assert await world.won(COMPANY) == 11
    assert await world.incentive(LI) == "8050.00"


async def test_a_service_that_is_down_catches_up(world: World) -> None:
    await world.set_target(EAST, "10000")
    await world.pay_leader(CHEN)
    targets = world.stack.services["targets"]
    await targets.stop()
    try:
        for _ in range(3):
            await world.won_deal("2000.00")
    finally:
        await targets.start()
    await world.settle()
    assert await world.attainment(EAST) == "0.600000"
    # 6,000 × 1 %
    assert await world.incentive(CHEN) == "60.00"


async def test_another_start_in_the_same_folder_goes_on_where_the_last_one_ended() -> None:
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False) as first, founded(first) as world:
            await world.set_target(LI, "100000")
            await world.pay_sellers()
            await world.won_deal("90000.00")  # nobody waits for what follows
        async with Stack(folder, durable=False) as second, client(second, "admin") as http:
            world.stack, world.http = second, http
            await world.settle()
            assert await world.incentive(LI) == "4500.00"
            await world.won_deal("60000.00")
            await world.settle()
            assert await world.attainment(LI) == "1.500000"
            assert await world.incentive(LI) == "9000.00"


async def test_the_chain_runs_through_four_processes() -> None:
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False, isolated=True) as stack, founded(stack) as world:
            await world.set_target(LI, "100000")
            await world.set_target(EAST, "200000")
            await world.pay_sellers()
            await world.pay_leader(CHEN)
            deal = await world.won_deal("150000.00")
            await world.settle()
            assert await world.attainment(EAST) == "0.750000"
            assert [await world.incentive(name) for name in (LI, CHEN)] == ["9000.00", "1500.00"]
            await world.reopen(deal)
            await world.settle()
            assert [await world.incentive(name) for name in (LI, CHEN)] == ["0.00", "0.00"]
