"""An installation of four partitions: deals go four ways, and every figure is whole."""

import asyncio

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from tests.flow.world import CHEN, COMPANY, EAST, LI, founded


async def test_figures_are_whole_over_all_partitions() -> None:
    with throwaway_folder() as folder:
        async with (
            Stack(folder, durable=False, settings={"partitions": 4, "queue_ms": 30_000}) as stack,
            founded(stack) as world,
        ):
            await world.set_target(LI, "50000.00")
            await world.set_target(EAST, "50000.00")
            await world.pay_sellers()
            await world.pay_leader(CHEN)
            await asyncio.gather(*(world.won_deal("1000.00") for _ in range(60)))
            heads = await world.settle()
            # 5 % of 50,000 and 8 % of 10,000; the leader has 2 % of 60,000, the target being met
            assert await world.revenue(COMPANY) == "60000.00"
            assert await world.incentive(LI) == "3300.00"
            assert await world.incentive(CHEN) == "1200.00"
            assert heads["pipeline"] == 120
