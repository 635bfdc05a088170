"""A million rows from a file and back into one: speed, and memory that stays flat."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from shared.tables.model import Format
from shared.tables.writing import writer_of
from tests.performance.figures import HIGHER, LOWER, BenchFailed, Expectation, Figure
from tests.performance.installation import Installation
from tests.performance.processes import resident_megabytes

ROWS, FEWER = 1_000_000, 100_000
LINES = 5_000
LOOK_SECONDS = 0.2
GROWTH_MAX = 1.25
RATE = 1_000
WAIT_SECONDS_MAX = 3_600


@dataclass(slots=True)
class Peak:
    """The most memory that a process had, in the first tenth of the work and in all of it."""

    early: float = 0
    all: float = 0

    def look(self, pid: int, share: float) -> None:
        """Look once, when so much of the work is done."""
        found = resident_megabytes(pid)
        self.all = max(self.all, found)
        if share <= 0.1:
            self.early = max(self.early, found)


async def measure(installation: Installation) -> Sequence[Figure]:
    """Return rows a second and peak memory of imports and exports of accounts and deals."""
    base = f"http://127.0.0.1:{installation.port('pipeline')}"
    headers = {"Authorization": f"Bearer {installation.token}"}
    owner = await _hired(installation, headers)
    imports = (
        (f"import of {ROWS:,} new deals, CSV", ROWS, deals(ROWS, owner)),
        (f"import of {FEWER:,} known deals, CSV", FEWER, deals(FEWER, owner)),
        (f"import of {FEWER:,} known deals, XLSX", FEWER, deals(FEWER, owner, Format.XLSX)),
    )
    figures: list[Figure] = []
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=600) as client:
        for name, rows, content in imports:
            seconds, peak = await _imported(installation, client, content)
            figures += _figures(name, rows, seconds, peak)
        for form in Format:
            seconds, peak = await _exported(installation, client, form)
            figures += _figures(f"export of {ROWS:,} deals, {form.upper()}", ROWS, seconds, peak)
    return figures


HEADER = ("source", "external_id", "商机名称", "owner_id", "金额", "币种", "opened_on")


async def _hired(installation: Installation, headers: dict[str, str]) -> str:
    """Return the id of a member whose the deals can be."""
    base = f"http://127.0.0.1:{installation.port('targets')}"
    body = {"name": "曾惠", "unit_id": None, "leads": False, "valid_from": "2025-01-01"}
    async with httpx.AsyncClient(base_url=base, headers=headers) as client:
        answer = await client.put("/v1/members/by-external/bench/imports", json=body)
    return str(answer.raise_for_status().json()["id"])


def _cells(number: int, owner: str) -> tuple[str, ...]:
    name = f"示例商机，第 {number} 号"
    return ("bench", f"D-{number:07d}", name, owner, f"{number % 9_973}.50", "CNY", "2025-03-31")


async def deals(rows: int, owner: str, form: Format = Format.CSV) -> AsyncIterator[bytes]:
    """Yield a file of so many deals, piece by piece."""
    writer = writer_of(form, HEADER)
    for begin in range(0, rows, LINES):
        yield writer.write([_cells(n, owner) for n in range(begin, min(begin + LINES, rows))])
    yield writer.end()


async def _imported(
    installation: Installation, client: httpx.AsyncClient, content: AsyncIterator[bytes]
) -> tuple[float, Peak]:
    """Send a file and wait for its end; seconds count from the accepted file on."""
    peak, pid = Peak(), installation.pid("pipeline")
    sending = asyncio.create_task(client.post("/v1/imports?noun=deals", content=content))
    while not sending.done():
        peak.look(pid, 0)
        await asyncio.sleep(LOOK_SECONDS)
    answer = sending.result()
    if answer.status_code != httpx.codes.ACCEPTED:
        raise BenchFailed(f"the import was refused: {answer.text}")
    began = time.monotonic()
    path = answer.headers["location"]
    operation: dict[str, Any] = {}
    while time.monotonic() - began < WAIT_SECONDS_MAX:
        operation = (await client.get(path)).json()
        total = operation["total"] or ROWS
        peak.look(pid, operation["done"] / total)
        if operation["state"] == "done" and not operation["counts"]["refused"]:
            return time.monotonic() - began, peak
        if operation["state"] in {"failed", "done"}:
            break
        await asyncio.sleep(LOOK_SECONDS)
    raise BenchFailed(f"the import did not end well: {operation}")


async def _exported(
    installation: Installation, client: httpx.AsyncClient, form: str
) -> tuple[float, Peak]:
    peak, pid = Peak(), installation.pid("pipeline")
    began = time.monotonic()
    path = f"/v1/deals/export?format={form}"
    async with _watched(peak, pid), client.stream("GET", path) as answer:
        async for _ in answer.aiter_raw():
            pass
    return time.monotonic() - began, peak


@asynccontextmanager
async def _watched(peak: Peak, pid: int) -> AsyncIterator[None]:
    began = time.monotonic()

    async def watch() -> None:
        while True:
            peak.look(pid, 0 if time.monotonic() - began < 3 else 1)
            await asyncio.sleep(LOOK_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()


def _figures(name: str, rows: int, seconds: float, peak: Peak) -> Sequence[Figure]:
    return (
        Figure(
            name,
            "rows/s",
            rows / seconds,
            expected=Expectation(HIGHER, RATE),
            note=f"{seconds:.0f} s",
        ),
        Figure(
            f"{name}: peak memory beside that of its first part",
            "MB",
            peak.all,
            peak.early,
            Expectation(LOWER, GROWTH_MAX, of_ratio=True),
        ),
    )
