"""Win-deal requests a second, beside a bare route that runs the same statements."""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson

from deploy.local.ports import free_port
from deploy.local.supervisor import Child
from services.pipeline.deals import store
from shared.contracts.pipeline import DealStage
from shared.ids import new_id
from tests.performance.bare_route import DSN_VARIABLE, deal
from tests.performance.company import BULK, Company, closing_day, load_deals
from tests.performance.figures import HIGHER, BenchFailed, Expectation, Figure
from tests.performance.http_load import Connection, drive, post
from tests.performance.installation import Installation
from tests.performance.processes import processor_seconds

ROUNDS, DEALS, WARM_UP = 3, 2_000, 200
CONNECTIONS = 8
ROUND_SECONDS_MAX = 4
START_SECONDS_MAX = 20
ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Side:
    """One of the two that are compared: its process, and the requests that are left for it."""

    port: int
    pid: int
    requests: Iterator[bytes]
    rates: list[float]
    milliseconds: list[float]
    """Processor time of the process per request."""

    async def round(self) -> None:
        """Send a round of requests."""
        before = processor_seconds(self.pid)
        requests = islice(self.requests, DEALS)
        load = await drive(self.port, requests, CONNECTIONS, seconds_max=ROUND_SECONDS_MAX)
        used = processor_seconds(self.pid) - before
        self.rates.append(load.requests / load.seconds)
        self.milliseconds.append(used * 1000 / load.requests)


async def measure(installation: Installation, company: Company) -> Sequence[Figure]:
    """Return the figure of winning deals: rounds of ours and of the bare route, in turn."""
    port, token = installation.port("pipeline"), installation.token
    count = WARM_UP + ROUNDS * DEALS
    deals = await load_deals(port, token, company, "open", count, won=False)
    ours = Side(port, installation.pid("pipeline"), _wins(deals, token), [], [])
    async with _bare_route(installation) as (child, bare_port):
        bare_deals = await _bare_deals(installation, count)
        bare = Side(bare_port, child.pid, _bare_wins(bare_deals), [], [])
        for side in (ours, bare):
            await drive(side.port, islice(side.requests, WARM_UP), CONNECTIONS)
        for _ in range(ROUNDS):
            await bare.round()
            await ours.round()
    return [_figure(ours, bare)]


def _figure(ours: Side, bare: Side) -> Figure:
    processor = [statistics.median(side.milliseconds) for side in (ours, bare)]
    return Figure(
        f"win a deal over HTTP, {CONNECTIONS} connections",
        "requests/s",
        statistics.median(ours.rates),
        statistics.median(bare.rates),
        Expectation(HIGHER, 0.6, of_ratio=True),
        f"processor time of the service {processor[0]:.2f} ms, bare {processor[1]:.2f} ms",
    )


def _wins(deals: Sequence[UUID], token: str) -> Iterator[bytes]:
    requests = [
        post(
            f"/v1/deals/{deal_id}/transitions",
            orjson.dumps({"to": "won", "on": closing_day(place, len(deals))}),
            token,
        )
        for place, deal_id in enumerate(deals)
    ]
    return iter(requests)


def _bare_wins(deals: Sequence[UUID]) -> Iterator[bytes]:
    body = orjson.dumps({"to": "won", "on": closing_day(0, 1)})
    return iter([post(f"/deals/{deal_id}/win", body) for deal_id in deals])


async def _bare_deals(installation: Installation, count: int) -> list[UUID]:
    """Put open deals into the bare database; return their ids."""
    ids = [new_id() for _ in range(count)]
    async with asyncpg.create_pool(installation.bare["pipeline"], min_size=1, max_size=1) as pool:
        for start in range(0, count, BULK):
            deals = [deal(deal_id, DealStage.OPEN) for deal_id in ids[start : start + BULK]]
            async with pool.acquire() as conn:
                await store.save_many(conn, deals, "[]")
    return ids


@asynccontextmanager
async def _bare_route(installation: Installation) -> AsyncIterator[tuple[Child, int]]:
    """Run the bare route in a process of its own; give it and its port."""
    port = free_port()
    child = Child(
        "The bare route",
        [sys.executable, "-m", "tests.performance.bare_route", str(port)],
        log=installation.stack.folder / "bare_route.log",
        environment={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            DSN_VARIABLE: installation.bare["pipeline"],
        },
    )
    child.start()
    try:
        await _await_port(child, port)
        yield child, port
    finally:
        await asyncio.to_thread(child.stop)


async def _await_port(child: Child, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        child.check()
        try:
            connection = await Connection.open(port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            await connection.close()
            return
    raise BenchFailed(f"The bare route does not listen. See {child.log}.")
