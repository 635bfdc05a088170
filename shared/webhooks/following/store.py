"""Positions in the log, and the events behind them with the program that caused each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection
from shared.events import log as event_log
from shared.events.envelope import Event
from shared.webhooks.model import Webhook
from shared.webhooks.store import WHOLE, to_webhook

# A log that had no head when a webhook was made was empty.
_BEGIN: Final[LiteralString] = """
    INSERT INTO webhook_position (webhook_id, partition, number)
    SELECT w.id, r.partition, 0 FROM webhook AS w CROSS JOIN relay AS r
    ON CONFLICT (webhook_id, partition) DO NOTHING
"""
# One whose receiver takes nothing is not followed further: what waits is bounded, and in the log
# nothing is lost.
_BEHIND: Final[LiteralString] = """
    SELECT p.partition, p.number, array_agg(p.webhook_id) AS webhooks
      FROM webhook_position AS p
      JOIN webhook AS w ON w.id = p.webhook_id
      JOIN relay AS r ON r.partition = p.partition
     WHERE w.state = 'active' AND p.number < r.head
       AND (SELECT count(*)
              FROM (SELECT FROM webhook_delivery AS d
                     WHERE d.webhook_id = p.webhook_id AND d.state = 'pending'
                     LIMIT $1) AS waiting) < $1
     GROUP BY p.partition, p.number
     ORDER BY p.partition, p.number
"""
_HOLD: Final[LiteralString] = """
    SELECT webhook_id
      FROM webhook_position
     WHERE partition = $1 AND number = $2 AND webhook_id = ANY($3::uuid[])
     ORDER BY webhook_id
       FOR UPDATE SKIP LOCKED
"""
_SUBSCRIBED: Final[LiteralString] = (
    WHOLE + "     WHERE w.id = ANY($1::uuid[]) AND w.state = 'active'"
)
_READ: Final[LiteralString] = """
    SELECT number, event_id, previous_event_id, type, aggregate_id, aggregate_version,
           occurred_at, correlation_id, causation_id, origin, traceparent, client, payload
      FROM event_log
     WHERE partition = $1 AND number > $2
     ORDER BY number
     LIMIT $3
"""
_MOVE: Final[LiteralString] = """
    UPDATE webhook_position
       SET number = $3
     WHERE partition = $1 AND webhook_id = ANY($2::uuid[])
"""
_BETWEEN: Final[LiteralString] = """
    SELECT min(number) - 1 AS after, max(number) AS until
      FROM event_log
     WHERE partition = $1 AND logged_at >= $2 AND logged_at < $3
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A number in the log that webhooks have reached, and which these are."""

    partition: int
    number: int
    webhooks: Collection[UUID]


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the log and the program that caused it, None for a service's own doing."""

    event: Event
    client: str | None


async def begin(conn: Connection) -> None:
    """Give every webhook its position in every partition."""
    await conn.execute(_BEGIN)


async def behind(conn: Connection, pending_max: int) -> Sequence[Place]:
    """Return where active webhooks stand that have not come to the end of the log."""
    return [
        Place(row["partition"], row["number"], row["webhooks"])
        for row in await conn.fetch(_BEHIND, pending_max)
    ]


async def hold(conn: Connection, place: Place) -> Sequence[Webhook]:
    """Return the webhooks that are still there and active, their positions locked."""
    rows = await conn.fetch(_HOLD, place.partition, place.number, list(place.webhooks))
    held = [row["webhook_id"] for row in rows]
    return [to_webhook(row) for row in await conn.fetch(_SUBSCRIBED, held)]


async def read(
    conn: Connection, source: str, partition: int, after: int, limit: int
) -> Sequence[Told]:
    """Return the events behind a number, in order."""
    rows = await conn.fetch(_READ, partition, after, limit)
    return [Told(event_log.to_event(row, source, partition), row["client"]) for row in rows]


async def move(conn: Connection, partition: int, webhooks: Sequence[Webhook], number: int) -> None:
    """Advance positions, in the transaction that writes the messages."""
    await conn.execute(_MOVE, partition, [webhook.id for webhook in webhooks], number)


async def between(
    conn: Connection, partition: int, since: object, until: object
) -> tuple[int, int] | None:
    """Return the stretch (after, until) of numbers given in a time, None when there are none."""
    row = await conn.fetchrow(_BETWEEN, partition, since, until)
    return None if row is None or row["until"] is None else (row["after"], row["until"])
