"""Deals told past the API, by the tens of thousands, and how fast their readers follow."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from shared.db import Connection
from tests.performance.figures import BenchFailed
from tests.performance.installation import Installation
from tests.performance.processes import processor_seconds, resident_megabytes

LOOK_SECONDS = 0.03
READERS = ("targets", "performance", "knowledge")

_TELL = """
    INSERT INTO pipeline.outbox (
        partition, event_id, type, aggregate_id, aggregate_version, occurred_at, correlation_id,
        origin, payload)
    SELECT (('x' || right(d.id::text, 8))::bit(32)::bigint % $5::integer)::smallint,
           gen_random_uuid(), 'pharos.pipeline.deal.won.v1', d.id, $3::bigint, now(),
           gen_random_uuid(), 'live',
           json_build_object(
               'version', $3::bigint, 'deal_id', d.id, 'name', '灯塔平台', 'stage', 'won',
               'owner_id', m.id, 'account_id', NULL,
               'amount', json_build_object('amount', $4::text, 'currency', 'CNY'), 'quantity', '1',
               'shares', json_build_array(json_build_object(
                   'member_id', m.id, 'share', '1', 'quantity', '1',
                   'amount', json_build_object('amount', $4::text, 'currency', 'CNY'))),
               'lines', json_build_array(), 'opened_on', '2025-01-01',
               'closed_on', date '2025-01-01' + (d.place % 365)::integer)
      FROM unnest($1::uuid[]) WITH ORDINALITY AS d (id, place)
      JOIN unnest($2::uuid[]) WITH ORDINALITY AS m (id, place)
        ON m.place = 1 + d.place % cardinality($2::uuid[])
     ORDER BY d.place
"""
_SENT = """
    SELECT bool_and(acknowledged >= head) AND NOT EXISTS (SELECT FROM pipeline.outbox)
      FROM pipeline.relay
"""
# How many of pipeline's events each reader still has to apply, and the events of theirs that the
# chain has to follow too.
_LEFT = {
    "targets": """
        SELECT (SELECT sum(head) FROM pipeline.relay) - (
            SELECT coalesce(sum(number), 0) FROM targets.watermark)
    """,
    "performance": """
        SELECT (SELECT sum(head) FROM pipeline.relay) + (SELECT sum(head) FROM targets.relay)
             + (SELECT count(*) FROM targets.outbox)
             - (SELECT coalesce(sum(number), 0) FROM performance.watermark)
             + (SELECT count(*) FROM performance.recalculation)
    """,
    "knowledge": """
        SELECT (SELECT sum(head) FROM pipeline.relay) - (
            SELECT coalesce(sum(number), 0) FROM knowledge.watermark)
    """,
}


@dataclass(frozen=True, slots=True)
class Drain:
    """How a backlog was worked off; memory is in MB, at a tenth of it and at its end.

    ``microseconds`` is the processor time of the service for an event.
    """

    events: int
    seconds: float
    microseconds: float
    early: float
    late: float

    @property
    def rate(self) -> float:
        """Return events a second."""
        return self.events / self.seconds


def new_deals(count: int) -> list[UUID]:
    """Return ids of deals that nobody knows yet."""
    return [uuid4() for _ in range(count)]


async def tell(
    conn: Connection,
    deals: Sequence[UUID],
    members: Sequence[UUID],
    *,
    version: int = 1,
    amount: str = "1000.00",
    partitions: int = 1,
    seconds_max: float = 60,
) -> None:
    """Let pipeline tell of won deals, each of the member whose turn it is, until all are sent."""
    await conn.execute(_TELL, deals, members, version, amount, partitions)
    deadline = time.monotonic() + seconds_max
    while not await conn.fetchval(_SENT):
        if time.monotonic() > deadline:
            raise BenchFailed(f"The relay did not send {len(deals):,} events in {seconds_max} s.")
        await asyncio.sleep(0.1)


async def drained(
    installation: Installation, conn: Connection, *services: str, seconds_max: float = 90
) -> Drain:
    """Start services that were stopped; follow them until nothing is left for any of them.

    Counted from the first event that moved. Events, processor time and memory are those of the
    first service.
    """
    before = await _left(conn, services)
    began = time.monotonic()
    starting = asyncio.gather(*(installation.start(service) for service in services))
    try:
        left = before
        while left == before:
            left = await _look(conn, services, began + seconds_max)
        moved, events = time.monotonic(), left[0]
        await starting
    finally:
        starting.cancel()
    pid, early = installation.pid(services[0]), 0.0
    used, sampled = processor_seconds(pid), left[0]
    while max(left) > 0:
        left = await _look(conn, services, began + seconds_max)
        if not early and left[0] < before[0] * 0.9:
            early = resident_megabytes(pid)
    late = resident_megabytes(pid)
    processor = (processor_seconds(pid) - used) / max(sampled, 1)
    seconds = max(time.monotonic() - moved, LOOK_SECONDS)
    return Drain(events, seconds, processor * 1e6, early or late, late)


async def _look(conn: Connection, services: Sequence[str], deadline: float) -> list[int]:
    """Wait a moment, then return what is left for each service."""
    await asyncio.sleep(LOOK_SECONDS)
    left = await _left(conn, services)
    if time.monotonic() > deadline:
        told = ", ".join(
            f"{count:,} for {name}" for name, count in zip(services, left, strict=True)
        )
        raise BenchFailed(f"The backlog was not worked off in time; left are {told}.")
    return left


async def _left(conn: Connection, services: Sequence[str]) -> list[int]:
    return [int(await conn.fetchval(_LEFT[service])) for service in services]
