"""Reading webhooks."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection
from shared.errors import NotFound
from shared.webhooks.model import Health, Owner, Webhook
from shared.webhooks.store import WHOLE, to_webhook

_ONE: Final[LiteralString] = (
    WHOLE + "     WHERE w.id = $1 AND ($2::text IS NULL OR w.owner = $2 AND w.owner_client = $3)"
)
_LIST: Final[LiteralString] = (
    WHOLE
    + """
     WHERE w.id > $1 AND ($2::text IS NULL OR w.owner = $2 AND w.owner_client = $3)
     ORDER BY w.id
     LIMIT $4
"""
)
_HEALTH: Final[LiteralString] = """
    SELECT h.webhook_id, h.failures, h.given_up, h.failing_since, h.held_until,
           (SELECT coalesce(sum(r.head - p.number), 0)::bigint
              FROM webhook_position AS p
              JOIN relay AS r ON r.partition = p.partition
             WHERE p.webhook_id = h.webhook_id) AS behind,
           (SELECT count(*)
              FROM webhook_delivery AS d
             WHERE d.webhook_id = h.webhook_id AND d.state = 'pending') AS pending
      FROM webhook_health AS h
     WHERE h.webhook_id = ANY($1::uuid[])
"""
# How many events a webhook would miss if it went on where it stopped.
_MISSED: Final[LiteralString] = """
    SELECT coalesce(sum(greatest(coalesce(
               (SELECT l.number
                  FROM event_log AS l
                 WHERE l.partition = p.partition
                 ORDER BY l.number
                 LIMIT 1), r.head + 1) - 1 - p.number, 0)), 0)::bigint
      FROM webhook_position AS p
      JOIN relay AS r ON r.partition = p.partition
     WHERE p.webhook_id = $1
"""
_FAILING: Final[LiteralString] = """
    SELECT count(*)
      FROM webhook AS w
      JOIN webhook_health AS h ON h.webhook_id = w.id
     WHERE w.state = 'active' AND h.failing_since < clock_timestamp() - interval '1 hour'
"""
_DISABLED: Final[LiteralString] = """
    SELECT count(*) FROM webhook WHERE state = 'disabled'
"""
_BEHIND: Final[LiteralString] = """
    SELECT coalesce(max(r.head - p.number), 0)::bigint
      FROM webhook AS w
      JOIN webhook_position AS p ON p.webhook_id = w.id
      JOIN relay AS r ON r.partition = p.partition
     WHERE w.state = 'active'
"""


class WebhookNotFound(NotFound):
    """There is no such webhook, or it belongs to somebody else."""

    en = "There is no webhook {webhook_id}."
    zh = "不存在 Webhook {webhook_id}。"


async def one(
    conn: Connection, webhook_id: UUID, owner: Owner | None = None
) -> tuple[Webhook, Health]:
    """Return a webhook with its health; with ``owner`` only theirs. Raises WebhookNotFound."""
    row = await conn.fetchrow(_ONE, webhook_id, *_whose(owner))
    if row is None:
        raise WebhookNotFound(webhook_id=webhook_id)
    (found,) = await _with_health(conn, [to_webhook(row)])
    return found


async def listed(
    conn: Connection, owner: Owner | None, after: UUID, limit: int
) -> Sequence[tuple[Webhook, Health]]:
    """Return webhooks with their health by id, with ``owner`` only theirs."""
    rows = await conn.fetch(_LIST, after, *_whose(owner), limit)
    return await _with_health(conn, [to_webhook(row) for row in rows])


def _whose(owner: Owner | None) -> tuple[str | None, str | None]:
    return (None, None) if owner is None else (owner.subject, owner.client)


async def _with_health(
    conn: Connection, webhooks: Sequence[Webhook]
) -> Sequence[tuple[Webhook, Health]]:
    rows = await conn.fetch(_HEALTH, [webhook.id for webhook in webhooks])
    health = {
        row["webhook_id"]: Health(
            behind=row["behind"],
            pending=row["pending"],
            failures=row["failures"],
            given_up=row["given_up"],
            failing_since=row["failing_since"],
            held_until=row["held_until"],
        )
        for row in rows
    }
    return [(webhook, health[webhook.id]) for webhook in webhooks if webhook.id in health]


async def missed(conn: Connection, webhook_id: UUID) -> int:
    """Return how many events behind a webhook's position the log no longer has."""
    found: int = await conn.fetchval(_MISSED, webhook_id)
    return found


async def failing(conn: Connection) -> int:
    """Return how many active webhooks have had no success for an hour."""
    found: int = await conn.fetchval(_FAILING)
    return found


async def disabled(conn: Connection) -> int:
    """Return how many webhooks are disabled."""
    found: int = await conn.fetchval(_DISABLED)
    return found


async def behind(conn: Connection) -> int:
    """Return how many events the active webhook that is furthest behind has not looked at."""
    found: int = await conn.fetchval(_BEHIND)
    return found
