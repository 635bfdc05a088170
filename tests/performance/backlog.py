"""Events a second through the attainment consumer on a backlog, beside bare batch inserts."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import asyncpg

from shared.db import Connection, Row, columns
from tests.performance.bare_chain import MAKE_MARK, MOVE_MARK
from tests.performance.company import Company, load_deals
from tests.performance.figures import HIGHER, BenchFailed, Expectation, Figure
from tests.performance.installation import Installation
from tests.performance.processes import processor_seconds

DEALS, BATCH = 15_000, 500
LOOK_SECONDS = 0.005
WAIT_SECONDS_MAX = 45

_HEAD = "SELECT head FROM pipeline.relay WHERE partition = 0"
_SENT = "SELECT acknowledged >= head FROM pipeline.relay WHERE partition = 0"
_WATERMARK = "SELECT number FROM targets.watermark WHERE consumer = 'attainment'"
_FACTS = "SELECT * FROM targets.fact ORDER BY number"
_ENTRIES = "SELECT * FROM targets.attainment_entry ORDER BY number"
_TOTALS = "SELECT * FROM targets.attainment"
_LEDGER = "attainment_entry"
_ADD = """
    UPDATE attainment AS a
       SET actual = a.actual + added.amount, deals = a.deals + added.deals, version = version + 1
      FROM unnest($1::uuid[], $2::smallint[], $3::numeric[], $4::bigint[])
           AS added (id, partition, amount, deals)
     WHERE a.id = added.id AND a.partition = added.partition
"""
_COLUMNS = """
    SELECT attname AS name, format_type(atttypid, NULL) AS type
      FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
     ORDER BY attnum
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows that a batch of events makes, as the arrays of one unnest per table."""

    facts: Sequence[Sequence[object]]
    entries: Sequence[Sequence[object]]
    totals: Sequence[Sequence[object]]
    number: int


async def measure(installation: Installation, company: Company) -> Sequence[Figure]:
    """Return the figure of the consumer: its events wait in the log when it starts."""
    await installation.stop("targets")
    token = installation.token
    await load_deals(installation.port("pipeline"), token, company, "won", DEALS, won=True)
    async with installation.administrator() as conn:
        await _until_sent(conn)
        began = time.monotonic()
        await installation.start("targets")
        rate, processor = await _drained(conn, installation.pid("targets"), began)
        await installation.stop("targets")
        batches = await _batches(conn)
    return [
        Figure(
            "attainment consumer on a backlog",
            "events/s",
            rate,
            await _bare_rate(installation, batches),
            Expectation(HIGHER, 4_000),
            f"processor time of the service {processor * 1e6:.0f} µs an event",
        )
    ]


async def _until_sent(conn: Connection) -> None:
    """Wait until the stream has everything."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not await conn.fetchval(_SENT):
        if time.monotonic() > deadline:
            raise BenchFailed("The relay did not send the backlog in time.")
        await asyncio.sleep(0.1)


async def _drained(conn: Connection, pid: int, began: float) -> tuple[float, float]:
    """Follow the watermark to the head; return events a second and processor seconds an event."""
    head = await conn.fetchval(_HEAD)
    first = before = await conn.fetchval(_WATERMARK) or 0
    moved = used = 0.0
    while first < head:
        if time.monotonic() - began > WAIT_SECONDS_MAX:
            raise BenchFailed(f"The consumer is at {first} of {head} in {WAIT_SECONDS_MAX} s.")
        await asyncio.sleep(LOOK_SECONDS)
        number = await conn.fetchval(_WATERMARK) or 0
        if number > before and not moved:
            first, moved, used = number, time.monotonic(), processor_seconds(pid)
        if number >= head:
            break
    count = head - first
    return count / (time.monotonic() - moved), (processor_seconds(pid) - used) / count


async def _batches(conn: Connection) -> Sequence[Batch]:
    """Return what the consumer has written, cut into batches."""
    entries: defaultdict[int, list[Row]] = defaultdict(list)
    for row in await conn.fetch(_ENTRIES):
        entries[row["number"]].append(row)
    kept = await conn.fetch(_FACTS)
    return [
        _batch(part, [row for fact in part for row in entries[fact["number"]]])
        for part in (kept[start : start + BATCH] for start in range(0, len(kept), BATCH))
    ]


def _batch(kept: Sequence[Row], entries: Sequence[Row]) -> Batch:
    totals: dict[UUID, tuple[Decimal, int]] = {}
    for row in entries:
        amount, deals = totals.get(row["attainment_id"], (Decimal(0), 0))
        totals[row["attainment_id"]] = (amount + row["amount"], deals + row["deals"])
    sums = [(key, 0, *amount) for key, amount in sorted(totals.items())]
    return Batch(
        columns([tuple(row) for row in kept], len(kept[0])),
        columns([tuple(row) for row in entries], len(entries[0])),
        columns(sums, 4),
        kept[-1]["number"],
    )


async def _bare_rate(installation: Installation, batches: Sequence[Batch]) -> float:
    """Write the same rows into identical tables; return events a second."""
    async with installation.administrator() as conn:
        totals = await conn.fetch(_TOTALS)
    mark = ("attainment", "pipeline", 0)
    async with (
        asyncpg.create_pool(installation.bare["targets"], min_size=1, max_size=1) as pool,
        pool.acquire() as bare,
    ):
        insert_facts, insert_entries = await _insert(bare, "fact"), await _insert(bare, _LEDGER)
        await bare.copy_records_to_table("attainment", records=[tuple(row) for row in totals])
        await bare.execute(MAKE_MARK, *mark)
        began = time.monotonic()
        for batch in batches:
            async with bare.transaction():
                await bare.execute(insert_facts, *batch.facts)
                await bare.execute(insert_entries, *batch.entries)
                await bare.execute(_ADD, *batch.totals)
                await bare.execute(MOVE_MARK, *mark, batch.number)
        seconds = time.monotonic() - began
    return sum(len(batch.facts[0]) for batch in batches) / seconds


async def _insert(conn: Connection, table: str) -> str:
    """Return the statement that inserts rows of all columns, given as one array per column."""
    found = await conn.fetch(_COLUMNS, table)
    arrays = ", ".join(f"${place}::{row['type']}[]" for place, row in enumerate(found, start=1))
    names = ", ".join(row["name"] for row in found)
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})"
