"""Reading deliveries: the log that an owner looks at."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection, Row
from shared.errors import NotFound
from shared.webhooks.delivery.model import Attempt, Delivery
from shared.webhooks.delivery.store import COLUMNS, to_delivery

_ONE: Final[LiteralString] = COLUMNS + "     WHERE d.webhook_id = $1 AND d.id = $2"
# The newest first: that is what one looks for in a log.
_LIST: Final[LiteralString] = (
    COLUMNS
    + """
     WHERE d.webhook_id = $1 AND ($2::uuid IS NULL OR d.id < $2)
       AND ($3::text IS NULL OR d.state = $3)
     ORDER BY d.id DESC
     LIMIT $4
"""
)
_ATTEMPTS: Final[LiteralString] = """
    SELECT delivery_id, number, began_at, milliseconds, status, fault, excerpt
      FROM webhook_attempt
     WHERE webhook_id = $1 AND delivery_id = ANY($2::uuid[])
     ORDER BY delivery_id, number
"""


class DeliveryNotFound(NotFound):
    """There is no such message for this webhook, or its log has forgotten it."""

    en = "This webhook has no delivery {delivery_id}, or it is no longer kept."
    zh = "此 Webhook 没有投递记录 {delivery_id}，或该记录已不再保留。"


Record = tuple[Delivery, Sequence[Attempt]]


async def one(conn: Connection, webhook_id: UUID, delivery_id: UUID) -> Record:
    """Return a message with its attempts; raises DeliveryNotFound."""
    row = await conn.fetchrow(_ONE, webhook_id, delivery_id)
    if row is None:
        raise DeliveryNotFound(delivery_id=delivery_id)
    (found,) = await _with_attempts(conn, webhook_id, [to_delivery(row)])
    return found


async def listed(
    conn: Connection, webhook_id: UUID, before: UUID | None, stage: str | None, limit: int
) -> Sequence[Record]:
    """Return messages with their attempts, the newest first."""
    rows = await conn.fetch(_LIST, webhook_id, before, stage, limit)
    return await _with_attempts(conn, webhook_id, [to_delivery(row) for row in rows])


async def _with_attempts(
    conn: Connection, webhook_id: UUID, deliveries: Sequence[Delivery]
) -> Sequence[Record]:
    made: dict[UUID, list[Attempt]] = {one.id: [] for one in deliveries}
    for row in await conn.fetch(_ATTEMPTS, webhook_id, list(made)):
        made[row["delivery_id"]].append(_attempt(row))
    # One that was made since the message was read belongs to a later look.
    return [(one, made[one.id][: one.attempts]) for one in deliveries]


def _attempt(row: Row) -> Attempt:
    return Attempt(
        number=row["number"],
        began_at=row["began_at"],
        milliseconds=row["milliseconds"],
        status=row["status"],
        fault=row["fault"],
        excerpt=row["excerpt"],
    )
