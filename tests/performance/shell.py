"""The outer shell under pressure: five times the peak, slow neighbours, a frozen database.

The load is sent by schedule, not by answer: whoever is sent away comes again as soon as before.
"""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import orjson

from deploy.local.ports import LOOPBACK
from tests.hostile.frozen import frozen
from tests.performance.figures import HIGHER, LOWER, Expectation, Figure, percentile
from tests.performance.http_load import post
from tests.performance.installation import Installation

PEAK_CONNECTIONS, PEAK_SECONDS = 8, 8
OVERLOAD, OVERLOAD_CONNECTIONS = 5, 400
OVERLOAD_SECONDS: Final = int(os.environ.get("PHAROS_OVERLOAD_SECONDS", "60"))
RECOVERY_SECONDS_MAX = 20
CALM_RATE, CALM_SECONDS, CALM_CONNECTIONS = 60, 15, 4
SLOW = 100
"""Clients of each of the slow kinds."""
FREEZE_RATE, FREEZE_SECONDS = 20, 20
PATH = "/v1/accounts"


@dataclass(slots=True)
class Heard:
    """What came back: how often each status, and the seconds of each answer by its status."""

    seconds: float = 0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: dict[int, list[float]] = field(default_factory=dict)

    def add(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies.setdefault(status, []).append(seconds)

    @property
    def goodput(self) -> float:
        """Return successes a second."""
        return self.statuses.get(201, 0) / self.seconds

    @property
    def longest(self) -> float:
        """Return the time of the last answer of all, in milliseconds."""
        return 1000 * max(max(found) for found in self.latencies.values())

    def slowest(self, status: int) -> float:
        """Return the 99th percentile of the answers of a status, in milliseconds."""
        found = self.latencies.get(status, [])
        return percentile(found, 99) * 1000 if len(found) > 1 else 0


class Caller:
    """A kept-alive connection that says what each answer was."""

    def __init__(self, port: int, heard: Heard) -> None:
        self._port = port
        self._heard = heard
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, request: bytes) -> int:
        """Send a request; return its status, 0 for a connection that broke."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(LOOPBACK, self._port)
        sent = time.perf_counter()
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            start = head.index(b"content-length:") + 15
            await self._reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
            status = int(head[9:12])
        except (ConnectionError, asyncio.IncompleteReadError):
            status, self._reader = 0, None
        self._heard.add(status, time.perf_counter() - sent)
        return status

    async def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()
            with suppress(ConnectionError):
                await self._writer.wait_closed()


async def _run(
    port: int,
    connections: int,
    seconds: float,
    work: Callable[[Caller, float], Coroutine[None, None, None]],
) -> Heard:
    """Let callers work side by side until the time is over."""
    heard = Heard()
    callers = [Caller(port, heard) for _ in range(connections)]
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(work(caller, began + seconds))
    heard.seconds = time.perf_counter() - began
    for caller in callers:
        await caller.close()
    return heard


async def _as_fast_as_answered(
    port: int, request: bytes, connections: int, seconds: float
) -> Heard:
    async def work(caller: Caller, until: float) -> None:
        while time.perf_counter() < until:
            await caller.call(request)

    return await _run(port, connections, seconds, work)


async def _by_schedule(
    port: int, request: bytes, connections: int, rate: float, seconds: float
) -> Heard:
    """Send so many requests a second, whatever comes back; who is late does not catch up."""
    places = itertools.count()

    async def work(caller: Caller, until: float) -> None:
        every = connections / rate
        due = time.perf_counter() + every * next(places) / connections
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await caller.call(request)
            due = max(due + every, time.perf_counter())

    return await _run(port, connections, seconds, work)


async def measure(installation: Installation) -> Sequence[Figure]:
    """Return the figures of overload and of slow neighbours."""
    port = installation.port("pipeline")
    request = post(PATH, orjson.dumps({"name": "东方机械"}), installation.token)
    await _as_fast_as_answered(port, request, PEAK_CONNECTIONS, 2)
    peak = await _as_fast_as_answered(port, request, PEAK_CONNECTIONS, PEAK_SECONDS)
    over = await _by_schedule(
        port, request, OVERLOAD_CONNECTIONS, OVERLOAD * peak.goodput, OVERLOAD_SECONDS
    )
    recovery = await _recovered(port, request, peak)
    calm = await _by_schedule(port, request, CALM_CONNECTIONS, CALM_RATE, CALM_SECONDS)
    async with _slow_clients(port, installation.token) as slow:
        beside = await _by_schedule(port, request, CALM_CONNECTIONS, CALM_RATE, CALM_SECONDS)
        held = sum(not writer.is_closing() for writer in slow)
    return [
        *_of_overload(peak, over, recovery),
        Figure(
            f"p99 beside {3 * SLOW} slow and fat clients",
            "ms",
            beside.slowest(201),
            calm.slowest(201),
            Expectation(LOWER, 2, of_ratio=True),
            f"answers {beside.statuses}; alone {calm.statuses}; {held} connections held",
        ),
        *await _of_freeze(installation, port, request, peak),
    ]


def _of_overload(peak: Heard, over: Heard, recovery: float) -> Sequence[Figure]:
    offered = sum(over.statuses.values()) / over.seconds
    return [
        Figure(
            f"goodput at {OVERLOAD} × the peak",
            "requests/s",
            over.goodput,
            peak.goodput,
            Expectation(HIGHER, 0.7, of_ratio=True),
            f"answers {over.statuses} in {over.seconds:.0f} s, {offered:,.0f}/s offered",
        ),
        Figure(
            "p99 of answers that shed",
            "ms",
            over.slowest(503),
            note=f"p99 of those served {over.slowest(201):,.0f} ms, at the peak"
            f" {peak.slowest(201):,.0f} ms",
        ),
        Figure("until all is served again", "s", recovery, None, Expectation(LOWER, 10)),
    ]


async def _of_freeze(
    installation: Installation, port: int, request: bytes, peak: Heard
) -> Sequence[Figure]:
    with frozen(installation.database_pid):
        stood = await _by_schedule(
            port, request, CALM_CONNECTIONS * FREEZE_RATE, FREEZE_RATE, FREEZE_SECONDS
        )
    recovery = await _recovered(port, request, peak)
    return [
        Figure(
            "longest answer while the database is frozen",
            "ms",
            stood.longest,
            None,
            Expectation(LOWER, 3_000),
            f"answers {stood.statuses} in {stood.seconds:.0f} s",
        ),
        Figure("until all is served after the freeze", "s", recovery, None, Expectation(LOWER, 10)),
    ]


async def _recovered(port: int, request: bytes, peak: Heard) -> float:
    """Return the seconds until a second passes in which all is served as at the peak."""
    began = time.perf_counter()
    while time.perf_counter() - began < RECOVERY_SECONDS_MAX:
        start = time.perf_counter()
        heard = await _as_fast_as_answered(port, request, PEAK_CONNECTIONS, 1)
        if set(heard.statuses) == {201} and heard.slowest(201) < 3 * peak.slowest(201):
            return start - began
    return RECOVERY_SECONDS_MAX


@asynccontextmanager
async def _slow_clients(port: int, token: str) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """Hold connections that drip headers, drip bodies, and never read; replace those cut off."""
    writers: list[asyncio.StreamWriter] = []
    tasks = [
        asyncio.create_task(_for_ever(port, work, token, writers))
        for work in (_drip_headers, _drip_body, _never_read)
        for _ in range(SLOW)
    ]
    await asyncio.sleep(2)
    try:
        yield writers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()


Slow = Callable[[asyncio.StreamWriter, str], Awaitable[None]]


async def _for_ever(port: int, work: Slow, token: str, writers: list[asyncio.StreamWriter]) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=1_024)
            writers.append(writer)
            del reader
            await work(writer, token)
        await asyncio.sleep(1)


async def _drip_headers(writer: asyncio.StreamWriter, _: str) -> None:
    writer.write(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n")
    while not writer.is_closing():
        await asyncio.sleep(1)
        writer.write(b"x: a\r\n")
        await writer.drain()


async def _drip_body(writer: asyncio.StreamWriter, token: str) -> None:
    writer.write(post(PATH, b"", token).replace(b"content-length: 0", b"content-length: 4000000"))
    while not writer.is_closing():
        await asyncio.sleep(0.5)
        writer.write(b" " * 2_000)
        await writer.drain()


async def _never_read(writer: asyncio.StreamWriter, token: str) -> None:
    asked = post("/v1/accounts?limit=200", b"", token).replace(b"POST ", b"GET ", 1)
    writer.write(asked * 5)
    await asyncio.sleep(60)
