"""Webhooks in the database."""

from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection, Row
from shared.webhooks.model import Owner, State, Terms, Webhook

WHOLE: Final[LiteralString] = """
    SELECT w.id, w.version, w.url, w.types, w.condition, w.description, w.skip_client, w.state,
           w.state_reason, w.secret, w.former_secret, w.former_until, w.owner, w.owner_client,
           w.owner_roles, w.made_at, w.changed_at
      FROM webhook AS w
"""
_LOCK: Final[LiteralString] = WHOLE + "     WHERE w.id = $1 FOR UPDATE"
_INSERT: Final[LiteralString] = """
    INSERT INTO webhook (
        id, version, url, types, condition, description, skip_client, state, state_reason, secret,
        former_secret, former_until, owner, owner_client, owner_roles, made_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
_UPDATE: Final[LiteralString] = """
    UPDATE webhook
       SET version = $2, url = $3, types = $4, condition = $5, description = $6, skip_client = $7,
           state = $8, state_reason = $9, secret = $10, former_secret = $11, former_until = $12,
           owner = $13, owner_client = $14, owner_roles = $15, made_at = $16, changed_at = $17
     WHERE id = $1
"""
_COUNT: Final[LiteralString] = """
    SELECT count(*) FROM webhook
"""
_MAKE_HEALTH: Final[LiteralString] = """
    INSERT INTO webhook_health (webhook_id) VALUES ($1)
"""
_START_AT_HEAD: Final[LiteralString] = """
    INSERT INTO webhook_position (webhook_id, partition, number)
    SELECT $1, partition, head FROM relay
"""
_MOVE_TO_HEAD: Final[LiteralString] = """
    UPDATE webhook_position AS p
       SET number = r.head
      FROM relay AS r
     WHERE p.webhook_id = $1 AND r.partition = p.partition
"""
# What is still in the log, and follows what was looked at, is taken from there on.
_MOVE_TO_OLDEST: Final[LiteralString] = """
    UPDATE webhook_position AS p
       SET number = kept.before
      FROM (
        SELECT r.partition, coalesce(
            (SELECT l.number - 1
               FROM event_log AS l
              WHERE l.partition = r.partition
              ORDER BY l.number
              LIMIT 1), r.head) AS before
          FROM relay AS r) AS kept
     WHERE p.webhook_id = $1 AND kept.partition = p.partition AND p.number < kept.before
"""
_HEAL: Final[LiteralString] = """
    UPDATE webhook_health
       SET failures = 0, given_up = 0, failing_since = NULL, held_until = NULL
     WHERE webhook_id = $1
"""
_DISABLE: Final[LiteralString] = """
    UPDATE webhook
       SET state = 'disabled', state_reason = $2, version = version + 1, changed_at = $3
     WHERE id = $1 AND state = 'active'
    RETURNING true
"""
# Positions first: whoever follows the log holds them, and comes to its end before.
_FORGET_POSITIONS: Final[LiteralString] = """
    DELETE FROM webhook_position WHERE webhook_id = $1
"""
_DELETE: Final[LiteralString] = """
    DELETE FROM webhook WHERE id = $1
"""


async def lock(conn: Connection, webhook_id: UUID) -> Webhook | None:
    """Return a webhook, locked, None when there is none."""
    row = await conn.fetchrow(_LOCK, webhook_id)
    return None if row is None else to_webhook(row)


async def count(conn: Connection) -> int:
    """Return how many webhooks there are."""
    found: int = await conn.fetchval(_COUNT)
    return found


async def add(conn: Connection, webhook: Webhook) -> None:
    """Write a new webhook, which is told of what comes from now on."""
    await conn.execute(_INSERT, *_values(webhook))
    await conn.execute(_MAKE_HEALTH, webhook.id)
    await conn.execute(_START_AT_HEAD, webhook.id)


async def save(conn: Connection, webhook: Webhook) -> None:
    """Write a changed webhook."""
    await conn.execute(_UPDATE, *_values(webhook))


async def heal(conn: Connection, webhook_id: UUID) -> None:
    """Forget what went wrong with a receiver."""
    await conn.execute(_HEAL, webhook_id)


async def move_to_head(conn: Connection, webhook_id: UUID) -> None:
    """Leave out what has been told up to now."""
    await conn.execute(_MOVE_TO_HEAD, webhook_id)


async def move_to_oldest(conn: Connection, webhook_id: UUID) -> None:
    """Leave out what the log has no longer."""
    await conn.execute(_MOVE_TO_OLDEST, webhook_id)


async def disable(conn: Connection, webhook_id: UUID, reason: str, now: datetime) -> bool:
    """Disable an active webhook; False when it is not active."""
    return bool(await conn.fetchval(_DISABLE, webhook_id, reason, now))


async def delete(conn: Connection, webhook_id: UUID) -> None:
    """Delete a webhook; the log of its deliveries is forgotten in time."""
    await conn.execute(_FORGET_POSITIONS, webhook_id)
    await conn.execute(_DELETE, webhook_id)


def _values(webhook: Webhook) -> tuple[object, ...]:
    terms, owner = webhook.terms, webhook.owner
    return (
        webhook.id,
        webhook.version,
        terms.url,
        list(terms.types),
        terms.condition,
        terms.description,
        terms.skip_client,
        webhook.state.value,
        webhook.reason,
        webhook.secret,
        webhook.former_secret,
        webhook.former_until,
        owner.subject,
        owner.client,
        list(owner.roles),
        webhook.made_at,
        webhook.changed_at,
    )


def to_webhook(row: Row) -> Webhook:
    """Return a row as a webhook."""
    return Webhook(
        id=row["id"],
        version=row["version"],
        terms=Terms(
            url=row["url"],
            types=tuple(row["types"]),
            condition=row["condition"],
            description=row["description"],
            skip_client=row["skip_client"],
        ),
        state=State(row["state"]),
        reason=row["state_reason"],
        secret=row["secret"],
        former_secret=row["former_secret"],
        former_until=row["former_until"],
        owner=Owner(row["owner"], row["owner_client"], tuple(row["owner_roles"])),
        made_at=row["made_at"],
        changed_at=row["changed_at"],
    )
