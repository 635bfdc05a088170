"""From the answer to a won deal to attainment and pay, at low load, beside the bare chain."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import nats
import orjson
from nats.aio.msg import Msg

from shared.contracts.performance import IncentiveRecalculated
from shared.contracts.targets import AttainmentUpdated
from shared.ids import new_id
from tests.performance.bare_chain import bare_hops, run
from tests.performance.company import Company, Setup, closing_day, load_deals
from tests.performance.figures import LOWER, BenchFailed, Expectation, Figure, percentile
from tests.performance.http_load import Connection, post
from tests.performance.installation import Installation

PER_SECOND = 30
WARM_UP, WINS, BARE_RUNS = 60, 300, 150
SETTLE_SECONDS = 2.0
WAIT_SECONDS_MAX = 10
TIMES_MAX = {50: 2.0, 95: None, 99: 3.0}
"""How many times the bare chain ours may take, by percentile."""


@dataclass(slots=True)
class Told:
    """When an event told of each win, by the trace of its request."""

    arrived: dict[str, float] = field(default_factory=dict)
    waiting: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))

    def hear(self, whose: str, trace: str) -> None:
        """Note an event: it tells of the win that caused it and of those before it.

        What is taken in one batch is told once, by its last win.
        """
        now, queue = time.perf_counter(), self.waiting[whose]
        if trace in queue:
            while trace not in self.arrived:
                self.arrived[queue.popleft()] = now


@dataclass(slots=True)
class Ear:
    """Hears attainment of teams and incentives of managers, as any subscriber could."""

    attainment: Told = field(default_factory=Told)
    incentive: Told = field(default_factory=Told)

    async def on_attainment(self, message: Msg) -> None:
        """Note the attainment of a unit."""
        self.attainment.hear(orjson.loads(message.data)["scope_id"], _trace(message))

    async def on_incentive(self, message: Msg) -> None:
        """Note the incentive of a payee."""
        self.incentive.hear(orjson.loads(message.data)["payee_id"], _trace(message))

    def expect(self, team: UUID, manager: UUID, trace: str) -> None:
        """Wait for what a win must bring."""
        self.attainment.waiting[str(team)].append(trace)
        self.incentive.waiting[str(manager)].append(trace)

    async def all_told(self, count: int) -> None:
        """Wait until everything has come; raises BenchFailed when it does not."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        found = [0, 0]
        while min(found) < count:
            if time.monotonic() > deadline:
                raise BenchFailed(
                    f"Of {count} wins {found[0]} moved attainment and {found[1]} pay within "
                    f"{WAIT_SECONDS_MAX} s."
                )
            await asyncio.sleep(0.05)
            found = [len(self.attainment.arrived), len(self.incentive.arrived)]


async def measure(installation: Installation) -> Sequence[Figure]:
    """Return the latencies of the chain, in an installation where all runs in this process."""
    setup = Setup(installation.stack.base_url, installation.token)
    company = await setup.company()
    await setup.plans(company)
    connection = await Connection.open(installation.front_port)
    deals = await load_deals(
        f"{installation.front_port}", installation.token, company, "low", WARM_UP + WINS, won=False
    )
