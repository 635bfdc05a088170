"""Following the log: a message is written for every event that a webhook is told of.

A position moves in the transaction that writes the messages of the events that it passes, so none
is left out and none is written twice, whenever the process ends.
"""

from collections.abc import Sequence
from datetime import datetime

from shared.db import Connection, Database
from shared.failpoints import reach
from shared.ids import new_id
from shared.logs import logger
from shared.webhooks import store as webhooks
from shared.webhooks.delivery import store as deliveries
from shared.webhooks.delivery.model import Delivery, Stage
from shared.webhooks.following import store
from shared.webhooks.following.store import Place, Told
from shared.webhooks.matching import readable, told_of
from shared.webhooks.model import Reason, Webhook

log = logger(__name__)

EVENTS = 500
MESSAGES = 1_000
PENDING_MAX = 10_000
"""How many messages may wait for one receiver before its webhook is followed no further."""


async def follow(database: Database, source: str, now: datetime) -> int:
    """Take every webhook a stretch further; return how many events were looked at."""
    async with database.acquire() as conn:
        places = await store.behind(conn, PENDING_MAX)
    seen = 0
    for place in places:
        seen += await _advance(database, source, place, now)
    return seen


async def _advance(database: Database, source: str, place: Place, now: datetime) -> int:
    async def work(conn: Connection) -> int:
        subscribed = await store.hold(conn, place)
        if not subscribed:
            return 0
        unreadable = [one for one in subscribed if not readable(source, one.terms)]
        if unreadable:
            await _stop(conn, unreadable, Reason.CONDITION_UNREADABLE, now)
            return 0
        limit = max(1, min(EVENTS, MESSAGES // len(subscribed)))
        events = await store.read(conn, source, place.partition, place.number, limit)
        if not events or events[0].event.number != place.number + 1:
            # The log no longer has what comes next: its owner must decide, not we.
            await _stop(conn, subscribed, Reason.EVENTS_EXPIRED, now)
            return 0
        await deliveries.make(conn, messages(subscribed, events, now), now)
        await store.move(conn, place.partition, subscribed, events[-1].event.number)
        await reach("webhooks.followed")
        return len(events)

    return await database.transact(work)


async def _stop(
    conn: Connection, stopped: Sequence[Webhook], reason: Reason, now: datetime
) -> None:
    for webhook in stopped:
        log.error("webhook_stopped", webhook=str(webhook.id), reason=reason)
        await webhooks.disable(conn, webhook.id, reason, now)


def messages(
    subscribed: Sequence[Webhook], events: Sequence[Told], now: datetime
) -> Sequence[Delivery]:
    """Return what is to be sent of these events, in their order."""
    return [
        _message(webhook, told, now)
        for told in events
        for webhook in subscribed
        if told_of(webhook, told.event, told.client)
    ]


def _message(webhook: Webhook, told: Told, now: datetime) -> Delivery:
    return Delivery(
        webhook_id=webhook.id,
        id=new_id(),
        message_id=told.event.id,
        type=told.event.type,
        partition=told.event.partition,
        number=told.event.number,
        body=None,
        stage=Stage.PENDING,
        tries=0,
        attempts=0,
        made_at=now,
        due_at=now,
        settled_at=None,
    )
