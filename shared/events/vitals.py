"""Vital signs: how a service's events stand, cheap enough to ask the database all the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection
from shared.events.watermark import Watermark

_AGE: Final[LiteralString] = """
    SELECT coalesce(max(greatest(
               extract(epoch FROM clock_timestamp() - oldest.occurred_at), 0)), 0)::float8
      FROM relay AS r
     CROSS JOIN LATERAL (
        SELECT o.occurred_at FROM outbox AS o WHERE o.partition = r.partition ORDER BY o.id LIMIT 1)
           AS oldest
"""
_AUDIT: Final[LiteralString] = """
    SELECT head.number,
           coalesce(greatest(extract(epoch FROM clock_timestamp() - oldest.noted_at), 0), 0)::float8
               AS age
      FROM audit_head AS head
      LEFT JOIN (SELECT noted_at FROM audit_pending ORDER BY id LIMIT 1) AS oldest ON true
"""
_RELAYS: Final[LiteralString] = """
    SELECT partition, head, acknowledged FROM relay ORDER BY partition
"""
_LEASES: Final[LiteralString] = """
    SELECT name, holder, expires_at > clock_timestamp() AS held,
           extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds
      FROM lease
     ORDER BY name
"""
_PARKED: Final[LiteralString] = """
    SELECT w.consumer, w.source, w.partition, count(p.id) AS events
      FROM watermark AS w
      LEFT JOIN parked AS p
        ON p.consumer = w.consumer AND p.source = w.source AND p.partition = w.partition
       AND p.state = 'parked'
     GROUP BY w.consumer, w.source, w.partition
     ORDER BY w.consumer, w.source, w.partition
"""
_DEFAULT_ROWS: Final[LiteralString] = """
    SELECT count(*) FROM (SELECT FROM event_log_default LIMIT 1000) AS sample
"""
_REVISION: Final[LiteralString] = """
    SELECT version_num FROM alembic_version
"""
_NOW: Final[LiteralString] = """
    SELECT clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class RelayVitals:
    """How far a partition of the log is, and how much of it the broker has."""

    partition: int
    head: int
    acknowledged: int


@dataclass(frozen=True, slots=True)
class LeaseVitals:
    """Who holds a lease, and for how many seconds yet; a lease that ran out is held by nobody."""

    name: str
    holder: UUID
    held: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Vitals:
    """Everything at one moment. ``outbox_age`` is that of the oldest event without a number.

    ``audit_age`` is that of the oldest change that is not sealed, ``audit_head`` the number of the
    last one that is.
    """

    outbox_age: float
    audit_age: float
    audit_head: int
    relays: Sequence[RelayVitals]
    leases: Sequence[LeaseVitals]
    parked: Mapping[Watermark, int]
    default_rows: int
    revision: str


async def read(conn: Connection) -> Vitals:
    """Return the vital signs of this service."""
    audit = await conn.fetchrow(_AUDIT)
    return Vitals(
        outbox_age=await conn.fetchval(_AGE),
        audit_age=0.0 if audit is None else audit["age"],
        audit_head=0 if audit is None else audit["number"],
        relays=[RelayVitals(**dict(row)) for row in await conn.fetch(_RELAYS)],
        leases=[LeaseVitals(**dict(row)) for row in await conn.fetch(_LEASES)],
        parked={
            Watermark(row["consumer"], row["source"], row["partition"]): row["events"]
            for row in await conn.fetch(_PARKED)
        },
        default_rows=await conn.fetchval(_DEFAULT_ROWS),
        revision=await conn.fetchval(_REVISION) or "",
    )


async def database_time(conn: Connection) -> datetime:
    """Return what the database's clock says."""
    now: datetime = await conn.fetchval(_NOW)
    return now
