"""Deliveries in the database: made from the log, claimed, attempted, settled, forgotten."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection, Row
from shared.ids import new_id
from shared.webhooks.delivery.model import Attempt, Claim, Delivery, Stage, Strain
from shared.webhooks.model import State
from shared.webhooks.store import WHOLE, to_webhook

COLUMNS: Final[LiteralString] = """
    SELECT d.webhook_id, d.id, d.message_id, d.type, d.partition, d.number, d.body,
           d.state AS stage, d.tries, d.attempts, d.made_at, d.due_at, d.settled_at
      FROM webhook_delivery AS d
"""
_LOCK: Final[LiteralString] = COLUMNS + "     WHERE d.webhook_id = $1 AND d.id = $2 FOR UPDATE"
# What was made before and is asked for again begins a new round under the same id.
_MAKE: Final[LiteralString] = """
    INSERT INTO webhook_delivery (
        webhook_id, id, message_id, type, partition, number, body, state, made_at, due_at)
    SELECT m.webhook_id, m.id, m.message_id, m.type, m.partition, m.number, m.body, 'pending', $8,
           $8
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::smallint[], $6::bigint[],
                  $7::text[])
           AS m (webhook_id, id, message_id, type, partition, number, body)
    ON CONFLICT (webhook_id, message_id) DO UPDATE
       SET state = 'pending', tries = 0, due_at = excluded.due_at, settled_at = NULL
"""
# A receiver that is called already, here or by a worker that was taken for dead, is left alone.
_DUE: Final[LiteralString] = """
    SELECT w.id
      FROM webhook AS w
      JOIN webhook_health AS h ON h.webhook_id = w.id
     WHERE (h.claimed_until IS NULL OR h.claimed_until < clock_timestamp())
       AND (EXISTS (
                SELECT FROM webhook_delivery AS ping
                 WHERE ping.webhook_id = w.id AND ping.state = 'pending'
                   AND ping.body IS NOT NULL)
            OR w.state = 'active' AND (h.held_until IS NULL OR h.held_until <= $1)
               AND EXISTS (
                SELECT FROM webhook_delivery AS d
                 WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.due_at <= $1))
"""
_HOLD: Final[LiteralString] = """
    SELECT failures, given_up, failing_since, held_until
      FROM webhook_health
     WHERE webhook_id = $1 AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
       FOR UPDATE SKIP LOCKED
"""
_SENDER: Final[LiteralString] = WHOLE + "     WHERE w.id = $1"
_PING: Final[LiteralString] = (
    COLUMNS + "     WHERE d.webhook_id = $1 AND d.state = 'pending' AND d.body IS NOT NULL LIMIT 1"
)
_NEXT: Final[LiteralString] = (
    COLUMNS
    + """
     WHERE d.webhook_id = $1 AND d.state = 'pending' AND d.due_at <= $2
     ORDER BY d.due_at, d.number
     LIMIT 1
"""
)
_CLAIM: Final[LiteralString] = """
    UPDATE webhook_health
       SET claim = $2, claimed_until = clock_timestamp() + make_interval(secs => $3)
     WHERE webhook_id = $1
"""
_RELEASE: Final[LiteralString] = """
    UPDATE webhook_health SET claimed_until = NULL WHERE webhook_id = $1 AND claim = $2
"""
# The claim's end and the record of its attempt are one: whoever comes late writes nothing.
_ENDED: Final[LiteralString] = """
    UPDATE webhook_health
       SET claimed_until = NULL, claim = NULL, failures = $3, given_up = $4, failing_since = $5,
           held_until = $6
     WHERE webhook_id = $1 AND claim = $2
    RETURNING true
"""
_ATTEMPTED: Final[LiteralString] = """
    UPDATE webhook_delivery
       SET state = $3, tries = tries + 1, attempts = $4, due_at = $5, settled_at = $6
     WHERE webhook_id = $1 AND id = $2
    RETURNING true
"""
_NOTE: Final[LiteralString] = """
    INSERT INTO webhook_attempt (
        webhook_id, delivery_id, number, began_at, milliseconds, status, fault, excerpt)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_AGAIN: Final[LiteralString] = """
    UPDATE webhook_delivery
       SET state = 'pending', tries = 0, due_at = $3, settled_at = NULL
     WHERE webhook_id = $1 AND id = $2
"""
# What is pending stays as long as there is somebody to send it to.
_FORGET: Final[LiteralString] = """
    DELETE FROM webhook_delivery
     WHERE (webhook_id, id) IN (
        SELECT d.webhook_id, d.id
          FROM webhook_delivery AS d
         WHERE d.made_at < $1
           AND (d.settled_at < $1
                OR NOT EXISTS (SELECT FROM webhook AS w WHERE w.id = d.webhook_id))
         LIMIT $2)
    RETURNING true
"""


async def make(conn: Connection, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Write messages that are to be sent, in their order; at most 1,000 at a time."""
    if deliveries:
        await conn.execute(
            _MAKE,
            [one.webhook_id for one in deliveries],
            [one.id for one in deliveries],
            [one.message_id for one in deliveries],
            [one.type for one in deliveries],
            [one.partition for one in deliveries],
            [one.number for one in deliveries],
            [one.body for one in deliveries],
            now,
        )


async def due(conn: Connection, now: datetime) -> Sequence[UUID]:
    """Return the webhooks that have something to send now."""
    return [row["id"] for row in await conn.fetch(_DUE, now)]


async def claim(conn: Connection, webhook_id: UUID, now: datetime, seconds: float) -> Claim | None:
    """Claim a receiver for its next message and ``seconds``, None when there is nothing to send.

    To be called in a transaction. The claim runs out by the database's clock.
    """
    row = await conn.fetchrow(_HOLD, webhook_id)
    sender = await conn.fetchrow(_SENDER, webhook_id)
    if row is None or sender is None:
        return None
    webhook, health = to_webhook(sender), Strain(**dict(row))
    found = await conn.fetchrow(_PING, webhook_id)
    held = health.held_until is not None and health.held_until > now
    if found is None and webhook.state is State.ACTIVE and not held:
        found = await conn.fetchrow(_NEXT, webhook_id, now)
    if found is None:
        return None
    claim = Claim(new_id(), webhook, to_delivery(found), health)
    await conn.execute(_CLAIM, webhook_id, claim.id, seconds)
    return claim


async def release(conn: Connection, claim: Claim) -> None:
    """Give a claim back whose attempt was broken off."""
    await conn.execute(_RELEASE, claim.webhook.id, claim.id)


async def end_claim(conn: Connection, claim: Claim, strain: Strain) -> bool:
    """End a claim with how the receiver does now; False when it had run out and was taken."""
    return bool(
        await conn.fetchval(
            _ENDED,
            claim.webhook.id,
            claim.id,
            strain.failures,
            strain.given_up,
            strain.failing_since,
            strain.held_until,
        )
    )


async def record(
    conn: Connection, delivery: Delivery, attempt: Attempt, stage: Stage, due_at: datetime | None
) -> None:
    """Write an attempt and where the message stands now; one that was forgotten stays so."""
    settled_at = None if stage is Stage.PENDING else attempt.began_at
    if await conn.fetchval(
        _ATTEMPTED,
        delivery.webhook_id,
        delivery.id,
        stage.value,
        attempt.number,
        due_at,
        settled_at,
    ):
        await conn.execute(
            _NOTE,
            delivery.webhook_id,
            delivery.id,
            attempt.number,
            attempt.began_at,
            attempt.milliseconds,
            attempt.status,
            attempt.fault,
            attempt.excerpt,
        )


async def lock(conn: Connection, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
    """Return a message, locked, None when there is none."""
    row = await conn.fetchrow(_LOCK, webhook_id, delivery_id)
    return None if row is None else to_delivery(row)


async def again(conn: Connection, delivery: Delivery, now: datetime) -> None:
    """Begin a new round for a message, now."""
    await conn.execute(_AGAIN, delivery.webhook_id, delivery.id, now)


async def forget(conn: Connection, before: datetime, limit: int) -> int:
    """Delete messages that were settled before a moment, and those of deleted webhooks."""
    return len(await conn.fetch(_FORGET, before, limit))


def to_delivery(row: Row) -> Delivery:
    """Return a row as a delivery."""
    return Delivery(**{**dict(row), "stage": Stage(row["stage"])})
