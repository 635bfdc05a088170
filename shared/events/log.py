"""The numbered log of a service's own events: what the relay publishes and the feed serves."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from shared.context import Origin
from shared.db import Connection, Row
from shared.events.envelope import Event

_READ: Final[LiteralString] = """
    SELECT number, event_id, previous_event_id, type, aggregate_id, aggregate_version,
           occurred_at, correlation_id, causation_id, origin, traceparent, payload
      FROM event_log
     WHERE partition = $1 AND number > $2
     ORDER BY number
     LIMIT $3
"""
_HEAD: Final[LiteralString] = """
    SELECT head FROM relay WHERE partition = $1
"""
_TIP: Final[LiteralString] = """
    SELECT head, head_event_id FROM relay WHERE partition = $1
"""
_ACKNOWLEDGED: Final[LiteralString] = """
    SELECT acknowledged FROM relay WHERE partition = $1
"""
_FLOOR: Final[LiteralString] = """
    SELECT number FROM event_log WHERE partition = $1 ORDER BY number LIMIT 1
"""
_ENSURE_PARTITIONS: Final[LiteralString] = """
    INSERT INTO relay (partition)
    SELECT generate_series(0, $1 - 1)
     WHERE NOT EXISTS (SELECT FROM relay)
    ON CONFLICT (partition) DO NOTHING
"""
_COUNT_PARTITIONS: Final[LiteralString] = """
    SELECT count(*) FROM relay
"""


def to_event(row: Row, source: str, partition: int) -> Event:
    """Return a row of the log as an event."""
    return Event(
        id=row["event_id"],
        source=source,
        partition=partition,
        number=row["number"],
        previous_id=row["previous_event_id"],
        type=row["type"],
        subject=row["aggregate_id"],
        version=row["aggregate_version"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        origin=Origin(row["origin"]),
        traceparent=row["traceparent"],
        data=row["payload"],
    )


async def read(
    conn: Connection, source: str, partition: int, *, after: int, limit: int
) -> Sequence[Event]:
    """Return the events behind ``after``, in order, at most ``limit`` of them."""
    rows = await conn.fetch(_READ, partition, after, limit)
    return [to_event(row, source, partition) for row in rows]


async def head(conn: Connection, partition: int) -> int:
    """Return the number of the last event, 0 when there is none."""
    return await conn.fetchval(_HEAD, partition) or 0


async def tip(conn: Connection, partition: int) -> tuple[int, UUID | None]:
    """Return number and id of the last event, (0, None) when there is none."""
    row = await conn.fetchrow(_TIP, partition)
    return (0, None) if row is None else (row["head"], row["head_event_id"])


async def acknowledged(conn: Connection, partition: int) -> int:
    """Return the number of the last event that the broker is known to have."""
    return await conn.fetchval(_ACKNOWLEDGED, partition) or 0


async def floor(conn: Connection, partition: int) -> int:
    """Return the lowest number that is still kept, 0 when none is."""
    return await conn.fetchval(_FLOOR, partition) or 0


class PartitionsDiffer(Exception):
    """The setting says another number of partitions than the installation was made with."""


async def ensure_partitions(conn: Connection, partitions: int) -> None:
    """Make the heads of all partitions; refuse a number that differs from the installation's."""
    await conn.execute(_ENSURE_PARTITIONS, partitions)
    found = await conn.fetchval(_COUNT_PARTITIONS)
    if found != partitions:
        raise PartitionsDiffer(
            f"This installation was made with {found} partitions; PHAROS_PARTITIONS says "
            f"{partitions}. Set it back: the number is fixed at installation."
        )
