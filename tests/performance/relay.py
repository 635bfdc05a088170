"""Events a second through the relay, beside a pipelined publish of the same messages."""

import asyncio
import time
from collections.abc import Sequence

from shared.db import Connection
from shared.events import log as event_log
from shared.events.broker import Broker
from shared.events.envelope import Event
from tests.performance.company import Company
from tests.performance.figures import HIGHER, BenchFailed, Expectation, Figure
from tests.performance.installation import BARE, Installation, connected
from tests.performance.processes import processor_seconds

EVENTS = 20_000
LOOK_SECONDS = 0.005
WAIT_SECONDS_MAX = 30
SOURCE = "pipeline"

# What the log tells already, told once more by events of their own.
_AGAIN = """
    INSERT INTO pipeline.outbox (
        partition, event_id, type, aggregate_id, aggregate_version, occurred_at, correlation_id,
        causation_id, origin, traceparent, payload)
    SELECT l.partition, gen_random_uuid(), l.type, l.aggregate_id, l.aggregate_version,
           l.occurred_at, l.correlation_id, l.causation_id, l.origin, l.traceparent, l.payload
      FROM pipeline.event_log AS l, generate_series(1, 2)
     WHERE l.type = 'pharos.pipeline.deal.won.v1'
     LIMIT $1
"""
_HEAD = "SELECT head FROM pipeline.relay WHERE partition = 0"
_PATH = "SET search_path = pipeline"


async def measure(installation: Installation, _: Company) -> Sequence[Figure]:
    """Return the figure of the relay: everything is committed at once."""
    async with (
        installation.administrator() as conn,
        connected(installation.nats_url, "pharos") as broker,
        connected(installation.nats_url, BARE) as bare,
    ):
        await bare.ensure_stream(SOURCE)
        await conn.execute(_PATH)
        head = await conn.fetchval(_HEAD)
        rate, processor = await _relayed(conn, broker, installation.pid(SOURCE))
        events = await event_log.read(conn, SOURCE, 0, after=head, limit=EVENTS)
        limit = await _published(bare, events)
    return [
        Figure(
            "relay, numbered and acknowledged",
            "events/s",
            rate,
            limit,
            Expectation(HIGHER, 10_000),
            f"processor time of the service {processor * 1e6:.0f} µs an event",
        )
    ]


async def _relayed(conn: Connection, broker: Broker, pid: int) -> tuple[float, float]:
    """Commit events and follow the stream; return events a second, processor seconds an event."""
    start = first = before = await _last(broker)
    await conn.execute(_AGAIN, EVENTS)
    began = time.monotonic()
    moved = used = 0.0
    while first < start + EVENTS:
        if time.monotonic() - began > WAIT_SECONDS_MAX:
            raise BenchFailed(f"The stream is at {first} of {start + EVENTS}.")
        await asyncio.sleep(LOOK_SECONDS)
        last = await _last(broker)
        if last > before and not moved:
            first, moved, used = last, time.monotonic(), processor_seconds(pid)
        if last >= start + EVENTS:
            break
    count = start + EVENTS - first
    return count / (time.monotonic() - moved), (processor_seconds(pid) - used) / count


async def _last(broker: Broker) -> int:
    """Return the sequence of the last message in the stream."""
    info = await broker.call(f"STREAM.INFO.{broker.stream_of(SOURCE)}", {})
    state = info["state"]
    return int(state["last_seq"]) if isinstance(state, dict) else 0


async def _published(broker: Broker, events: Sequence[Event]) -> float:
    began = time.monotonic()
    await broker.publish(events)
    return len(events) / (time.monotonic() - began)
