"""The watermark: how far a consumer is, advanced in the transaction of the effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection, Database
from shared.events.envelope import Event
from shared.events.lease import Lease

_ENSURE: Final[LiteralString] = """
    INSERT INTO watermark (consumer, source, partition)
    VALUES ($1, $2, $3)
    ON CONFLICT (consumer, source, partition) DO NOTHING
"""
_READ: Final[LiteralString] = """
    SELECT number, event_id, stream_sequence, stream_created, stopped
      FROM watermark
     WHERE consumer = $1 AND source = $2 AND partition = $3
"""
# One statement fences, locks and moves. Whoever took the lease meanwhile waits here for the row and
# then finds another number than it expects.
_ADVANCE: Final[LiteralString] = """
    UPDATE watermark AS w
       SET number = $8, event_id = $9,
           stream_sequence = coalesce($10, w.stream_sequence),
           stream_created = coalesce($11, w.stream_created)
      FROM lease AS l
     WHERE w.consumer = $1 AND w.source = $2 AND w.partition = $3
       AND l.name = $4 AND l.holder = $5 AND l.fence = $6
       AND w.number = $7 AND w.stopped IS NULL
    RETURNING w.number
"""
_HOLD: Final[LiteralString] = """
    SELECT number, event_id, stopped
      FROM watermark
     WHERE consumer = $1 AND source = $2 AND partition = $3
       FOR UPDATE
"""
_LIST: Final[LiteralString] = """
    SELECT consumer, source, partition, number, event_id, stopped
      FROM watermark
     ORDER BY consumer, source, partition
"""
_RESUME: Final[LiteralString] = """
    UPDATE watermark
       SET number = $4, event_id = $5, stream_sequence = NULL, stream_created = NULL,
           stopped = NULL
     WHERE consumer = $1 AND source = $2 AND partition = $3
"""
_STOP: Final[LiteralString] = """
    UPDATE watermark
       SET stopped = $4
     WHERE consumer = $1 AND source = $2 AND partition = $3
"""


class LeaseLost(Exception):
    """Somebody else consumes here now; what this process was about to do is rolled back."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a consumer is in a source's log, and where that is in the broker's stream."""

    number: int
    event_id: UUID | None
    stream: tuple[int, str] | None
    stopped: str | None

    def after(self, event: Event, stream_created: str | None) -> "Position":
        """Return the position once this event has been applied."""
        stream = self.stream
        if event.stream_sequence is not None and stream_created is not None:
            stream = (event.stream_sequence, stream_created)
        return Position(event.number, event.id, stream, None)


@dataclass(frozen=True, slots=True)
class Watermark:
    """The row of one consumer on one partition of one source."""

    consumer: str
    source: str
    partition: int

    @property
    def name(self) -> str:
        """Return the name of its lease."""
        return f"consumer:{self.consumer}:{self.source}:{self.partition}"

    @property
    def labels(self) -> tuple[str, str, int]:
        """Return the labels of its metrics."""
        return self.consumer, self.source, self.partition

    async def ensure(self, conn: Connection) -> None:
        """Make the row where there is none yet."""
        await conn.execute(_ENSURE, *self.labels)

    async def read(self, database: Database) -> Position:
        """Return the stored position, the start where there is none."""
        async with database.acquire() as conn:
            await self.ensure(conn)
            row = await conn.fetchrow(_READ, *self.labels)
        if row is None:
            raise LeaseLost(self.name)
        stream = None
        if row["stream_sequence"] is not None:
            stream = (row["stream_sequence"], row["stream_created"])
        return Position(row["number"], row["event_id"], stream, row["stopped"])

    async def advance(
        self, conn: Connection, lease: Lease, before: Position, after: Position
    ) -> None:
        """Move on, first of all in the transaction of the effect.

        Raises LeaseLost when somebody else consumes here, or the consumer was stopped.
        """
        moved = await conn.fetchval(
            _ADVANCE,
            *self.labels,
            lease.name,
            lease.holder,
            lease.fence,
            before.number,
            after.number,
            after.event_id,
            *(after.stream or (None, None)),
        )
        if moved is None:
            raise LeaseLost(self.name)

    async def hold(self, conn: Connection) -> bool:
        """Keep the consumer from applying anything until the caller's transaction ends.

        False when there is no such consumer.
        """
        return await self.held(conn) is not None

    async def held(self, conn: Connection) -> Position | None:
        """Return where the consumer is and keep it there until the caller's transaction ends."""
        row = await conn.fetchrow(_HOLD, *self.labels)
        if row is None:
            return None
        return Position(row["number"], row["event_id"], None, row["stopped"])

    async def resume(self, conn: Connection, number: int, event_id: UUID | None) -> None:
        """Let a stopped consumer go on behind an event of its source."""
        await conn.execute(_RESUME, *self.labels, number, event_id)

    async def stop(self, database: Database, reason: str) -> None:
        """Stop this consumer until an operator repairs it."""
        async with database.acquire() as conn:
            await conn.execute(_STOP, *self.labels, reason)


async def listed(conn: Connection) -> Sequence[tuple[Watermark, Position]]:
    """Return all consumers of this service and how far they are."""
    return [
        (
            Watermark(row["consumer"], row["source"], row["partition"]),
            Position(row["number"], row["event_id"], None, row["stopped"]),
        )
        for row in await conn.fetch(_LIST)
    ]
