"""Reading deliveries: the log that an owner looks at."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Connection, Row
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.asked import Order
from shared.lists.listing import Listing, OfMany
from shared.webhooks.delivery.model import Attempt, Delivery, Stage
from shared.webhooks.delivery.store import COLUMNS, to_delivery

_ONE: Final[LiteralString] = COLUMNS + "     WHERE d.webhook_id = $1 AND d.id = $2"
_ATTEMPTS: Final[LiteralString] = """
    SELECT delivery_id, number, began_at, milliseconds, status, fault, excerpt
      FROM webhook_attempt
     WHERE webhook_id = ANY($1::uuid[]) AND delivery_id = ANY($2::uuid[])
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
    (found,) = await _with_attempts(conn, [row])
    return found


async def _with_attempts(conn: Connection, rows: Sequence[Row]) -> Sequence[Record]:
    deliveries = [to_delivery(row) for row in rows]
    made: dict[UUID, list[Attempt]] = {one.id: [] for one in deliveries}
    webhooks = {one.webhook_id for one in deliveries}
    for row in await conn.fetch(_ATTEMPTS, list(webhooks), list(made)):
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


# The newest first: that is what one looks for in a log.
DELIVERIES: Final = Listing(
    select=COLUMNS,
    of=OfMany(_with_attempts),
    order=(Order("id", descending=True),),
    fields={
        "id": Field(Kind.ID, "d.id", sorts=True),
        "webhook_id": Field(Kind.ID, "d.webhook_id"),
        "message_id": Field(Kind.ID, "d.message_id"),
        "type": Field(Kind.TEXT, "d.type"),
        "partition": Field(Kind.INTEGER, "d.partition", nullable=True),
        "number": Field(Kind.INTEGER, "d.number", nullable=True),
        "state": Field(Kind.CHOICE, "d.state", choices=tuple(Stage)),
        "made_at": Field(Kind.INSTANT, "d.made_at"),
        "due_at": Field(Kind.INSTANT, "d.due_at", nullable=True),
        "settled_at": Field(Kind.INSTANT, "d.settled_at", nullable=True),
    },
)
