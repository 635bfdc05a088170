"""From the answer to a won deal to attainment and pay, at low load, beside the bare chain."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

import nats
import orjson
from nats.aio.msg import Msg

from shared.contracts.performance import IncentiveRecalculated
from shared.contracts.targets import AttainmentUpdated
from shared.ids import new_id
from tests.performance.bare_chain import bare_hops, run
from tests.performance.company import Company, Setup, load_deals
from tests.performance.figures import LOWER, BenchFailed, Expectation, Figure, percentile
from tests.performance.http_load import Connection, post
from tests.performance.installation import Installation

PER_SECOND = 30
ROUNDS, WINS, WARM_UP = 3, 100, 60
CLOSING = "2025-11-11"
SETTLE_SECONDS = 2.0
WAIT_SECONDS_MAX = 10
PREFIX = "/pipeline"
TIMES_MAX = {50: 2.0, 95: None, 99: 3.0}
"""How many times the bare chain ours may take, by percentile."""


@dataclass(frozen=True, slots=True)
class Win:
    """A request that wins a deal, its trace, and who is moved by it."""

    request: bytes
    trace: str
    team: UUID
    manager: UUID


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

    def expect(self, win: Win) -> None:
        """Wait for what a win must bring."""
        self.attainment.waiting[str(win.team)].append(win.trace)
        self.incentive.waiting[str(win.manager)].append(win.trace)

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
    count = WARM_UP + ROUNDS * WINS
    port, token = installation.front_port, installation.token
    deals = await load_deals(port, token, company, "low", count, won=False, prefix=PREFIX)
    wins = iter([_win(company, deal_id, place, token) for place, deal_id in enumerate(deals)])
    await asyncio.sleep(SETTLE_SECONDS)
    bare: list[Sequence[float]] = []
    async with bare_hops(installation) as hops, _listening(installation.nats_url) as ear:
        await _send(port, islice(wins, WARM_UP), ear)
        answered: dict[str, float] = {}
        for _ in range(ROUNDS):
            bare += [await run(hops) async for _ in _ticks(WINS)]
            answered |= await _send(port, islice(wins, WINS), ear)
        await ear.all_told(count)
    return [
        *_figures("attainment", answered, ear.attainment, [times[1] for times in bare[WARM_UP:]]),
        *_figures("incentive", answered, ear.incentive, [times[2] for times in bare[WARM_UP:]]),
    ]


def _win(company: Company, deal_id: UUID, place: int, token: str) -> Win:
    parent = new_id().hex
    trace = f"00-{parent}-{parent[16:]}-01"
    team = company.team_of(place % len(company.sellers))
    body = orjson.dumps({"to": "won", "on": CLOSING})
    request = post(f"{PREFIX}/v1/deals/{deal_id}/transitions", body, token, trace)
    return Win(request, trace, company.teams[team], company.managers[team])


async def _send(port: int, wins: Iterator[Win], ear: Ear) -> Mapping[str, float]:
    """Win deals one by one; return when each was answered, by the trace of its request."""
    answered: dict[str, float] = {}
    connection = await Connection.open(port)
    chosen = list(wins)
    async for place in _ticks(len(chosen)):
        win = chosen[place]
        ear.expect(win)
        await connection.send(win.request)
        answered[win.trace] = time.perf_counter()
    await connection.close()
    return answered


async def _ticks(count: int) -> AsyncIterator[int]:
    """Yield so many numbers, evenly spread over time."""
    began = time.perf_counter()
    for place in range(count):
        await asyncio.sleep(max(0, began + place / PER_SECOND - time.perf_counter()))
        yield place


@asynccontextmanager
async def _listening(nats_url: str) -> AsyncIterator[Ear]:
    client = await nats.connect(nats_url)
    ear = Ear()
    try:
        await client.subscribe(f"pharos.targets.0.{AttainmentUpdated.TYPE}", cb=ear.on_attainment)
        await client.subscribe(
            f"pharos.performance.0.{IncentiveRecalculated.TYPE}", cb=ear.on_incentive
        )
        yield ear
    finally:
        await client.close()


def _trace(message: Msg) -> str:
    return (message.headers or {}).get("traceparent", "")


def _figures(
    name: str, answered: Mapping[str, float], told: Told, bare: Sequence[float]
) -> Sequence[Figure]:
    ours = [told.arrived[trace] - moment for trace, moment in answered.items()]
    return [
        Figure(
            f"deal won → {name}, p{percent}, {PER_SECOND} wins/s",
            "ms",
            percentile(ours, percent) * 1000,
            percentile(bare, percent) * 1000,
            None if times is None else Expectation(LOWER, times, of_ratio=True),
        )
        for percent, times in TIMES_MAX.items()
    ]
