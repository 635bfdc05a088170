"""Reading webhooks."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection, Row
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.listing import Listing, OfMany
from shared.webhooks.model import Health, Owner, Reason, State, Webhook
from shared.webhooks.store import WHOLE, to_webhook

_ONE: Final[LiteralString] = (
    WHOLE + "     WHERE w.id = $1 AND ($2::text IS NULL OR w.owner = $2 AND w.owner_client = $3)"
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


async def _listed(conn: Connection, rows: Sequence[Row]) -> Sequence[tuple[Webhook, Health]]:
    return await _with_health(conn, [to_webhook(row) for row in rows])


# There are at most a hundred of them, so no order but that of ids needs an index.
WEBHOOKS: Final = Listing(
    select=WHOLE,
    of=OfMany(_listed),
    fields={
        "id": Field(Kind.ID, "w.id", sorts=True),
        "url": Field(Kind.TEXT, "w.url", sorts=True),
        "description": Field(Kind.TEXT, "w.description", nullable=True),
        "skip_client": Field(Kind.TEXT, "w.skip_client", nullable=True),
        "state": Field(Kind.CHOICE, "w.state", choices=tuple(State)),
        "reason": Field(
            Kind.CHOICE,
            "w.state_reason",
            nullable=True,
            choices=tuple(Reason),
            column="state_reason",
        ),
        "owner": Field(Kind.TEXT, "w.owner"),
        "owner_client": Field(Kind.TEXT, "w.owner_client"),
        "made_at": Field(Kind.INSTANT, "w.made_at", sorts=True),
        "changed_at": Field(Kind.INSTANT, "w.changed_at", sorts=True),
    },
)


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
