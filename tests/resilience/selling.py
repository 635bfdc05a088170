"""Sellers who go on winning deals, whatever happens meanwhile."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

import httpx

from tests.flow.world import LI, WANG, World

AMOUNT = Decimal("1000.01")
SHARES = {LI: "0.3", WANG: "0.7"}
MORE_SECONDS_MAX = 60


@dataclass
class Sales:
    """Deals won one after the other; ``deals`` has those that were answered."""

    world: World
    deals: list[str] = field(default_factory=list)
    answered: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def go_on(self) -> None:
        """Win deals; ends with the first that is not answered or refused."""
        while True:
            deal = await self.world.won_deal(str(AMOUNT), shares=SHARES)
            async with self.answered:
                self.deals.append(deal)
                self.answered.notify_all()

    async def go_on_until_it_fails(self) -> None:
        """Win deals for as long as there is anybody to answer."""
        with suppress(AssertionError, httpx.HTTPError):
            await self.go_on()

    async def more(self, count: int) -> None:
        """Wait until so many more deals are won."""
        wanted = len(self.deals) + count
        async with asyncio.timeout(MORE_SECONDS_MAX), self.answered:
            await self.answered.wait_for(lambda: len(self.deals) >= wanted)
