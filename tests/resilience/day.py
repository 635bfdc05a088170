"""A company's days: everything that people do, over and over, with figures known to the cent.

Each day passes every boundary of the backbone in every service: deals, a bulk, an edit, a deal
opened again, a move in the organisation, a new target, a new plan.
"""

import asyncio

from tests.flow.world import (
    CHEN,
    COMPANY,
    DAY,
    EAST,
    LI,
    SELLERS,
    SINCE,
    WANG,
    WEST,
    ZHANG,
    Json,
    World,
    money,
)

PAUSE_SECONDS = 0.1


class Days:
    """The days of one world; ``count`` is how many have been."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0

    async def begin(self) -> None:
        """Say who is paid what, before the first day."""
        await self.world.set_target(EAST, "1000.00")
        await self.world.pay_leader(CHEN)
        await self.world.pay_sellers(LI, WANG)
        await self.world.won_deal("1000.00", ZHANG)

    async def live(self) -> None:
        """Live one day."""
        world, number = self.world, self.count + 1
        first, second = await asyncio.gather(world.won_deal("1000.00"), world.won_deal("1000.00"))
        await self._bulk(number)
        await asyncio.gather(world.edit(first, amount=money("1500.00")), world.reopen(second))
        await world.win(second)
        await world.move(WANG, WEST if number % 2 else EAST, SINCE)
        await world.set_target(LI, f"{number * 1000}.00")
        await world.pay_sellers(ZHANG)
        self.count = number

    async def live_until(self, over: asyncio.Event) -> None:
        """Live day after day until it is over."""
        while not over.is_set():
            await self.live()
            # What is put off is worked off a few times a second: days must not all become one.
            await asyncio.sleep(PAUSE_SECONDS)

    async def _bulk(self, number: int) -> None:
        records = [self._record(f"{number}-{place}") for place in range(2)]
        await self.world.post("/pipeline/v1/deals/bulk", {"deals": records})

    def _record(self, name: str) -> Json:
        external = {"source": "crm", "id": f"{self.world.units[COMPANY]}-{name}"}
        won = {"stage": "won", "closed_on": DAY, "external": external}
        return {**self.world.terms("500.00", WANG), **won}

    async def figures(self) -> list[object]:
        """Return what the services say of revenue, wins and pay."""
        world = self.world
        return [
            await world.revenue(COMPANY),
            await world.won(COMPANY),
            await world.revenue(EAST),
            await world.revenue(WEST),
            *[await world.incentive(name) for name in (*SELLERS, CHEN)],
        ]

    def expected(self) -> list[object]:
        """Return what they must say, worked out by hand."""
        days = self.count
        li = 2500 * days  # 1,500 after the edit, and 1,000 that was opened again and won again
        wang = 1000 * days  # two of 500 in a bulk
        east = li + (0 if days % 2 else wang)
        west = 1000 + (wang if days % 2 else 0)  # the one deal of Zhang, won before the first day
        return [
            f"{li + wang + 1000}.00",
            4 * days + 1,
            f"{east}.00",
            f"{west}.00",
            f"{50 * days + 120 * days}.00",  # 1,000 a day at 5 %, 1,500 a day at 8 %
            f"{50 * days}.00",  # no target: 5 % of 1,000 a day
            f"{50 * days}.00",  # a plan a day, each pays 5 % of his 1,000
            f"{east * 2 // 100}.00",  # the team is above its target: 2 %
        ]
