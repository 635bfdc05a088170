"""What can be asked of deliveries: once more, a stretch of the log once more, a trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.audit.model import Change
from shared.context import Context
from shared.db import Connection
from shared.errors import Refused
from shared.events import outbox
from shared.webhooks import queries as webhooks
from shared.webhooks.commands import Caller, House
from shared.webhooks.delivery import messages, queries, store
from shared.webhooks.delivery.model import Delivery
from shared.webhooks.delivery.queries import DeliveryNotFound, Record
from shared.webhooks.following import store as following
from shared.webhooks.following.follow import EVENTS
from shared.webhooks.following.follow import messages as messages_of
from shared.webhooks.model import NOUN, Webhook


class EventsNotKept(Refused):
    """The log no longer has the stretch that is asked for."""

    en = "Events up to {floor} are no longer kept. Ask for what comes behind them."
    zh = "编号 {floor} 及之前的事件已不再保留，请从其后开始。"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one partition of the log: by numbers, or by the time in which they were given.

    Numbers behind ``after`` up to ``until``; with ``since`` those that were given from then on, up
    to ``before``.
    """

    partition: int
    after: int
    until: int
    since: datetime | None
    before: datetime | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many messages will be sent, and behind which number to go on; None at the end."""

    messages: int
    next: int | None


async def replay(
    conn: Connection, ctx: Context, *, caller: Caller, webhook_id: UUID, delivery_id: UUID
) -> Record:
    """Send a message once more, under the same id and with all tries.

    Raises WebhookNotFound and DeliveryNotFound.
    """
    await webhooks.one(conn, webhook_id, caller.scope)
    before = await store.lock(conn, webhook_id, delivery_id)
    if before is None:
        raise DeliveryNotFound(delivery_id=delivery_id)
    await store.again(conn, before, ctx.now)
    found = await queries.one(conn, webhook_id, delivery_id)
    await outbox.note(conn, ctx, _of_delivery("replayed", before, found[0]))
    return found


async def replay_stretch(
    conn: Connection,
    ctx: Context,
    *,
    house: House,
    caller: Caller,
    webhook_id: UUID,
    stretch: Stretch,
) -> Replayed:
    """Send what a webhook is told of a stretch of the log, as it is now; 500 events at a time.

    Raises WebhookNotFound and EventsNotKept.
    """
    webhook, _ = await webhooks.one(conn, webhook_id, caller.scope)
    bounds = await _bounds(conn, stretch)
    if bounds is None:
        return Replayed(0, None)
    after, until = bounds
    found = await following.read(conn, house.service, stretch.partition, after, EVENTS)
    if found and found[0].event.number != after + 1:
        raise EventsNotKept(floor=found[0].event.number - 1, pointer="/after")
    wanted = [told for told in found if told.event.number <= until]
    made = messages_of([webhook], wanted, ctx.now)
    await store.make(conn, made, ctx.now)
    if made:
        await outbox.note(conn, ctx, _of_stretch(webhook, stretch, made))
    more = len(found) == EVENTS and wanted and wanted[-1].event.number < until
    return Replayed(len(made), wanted[-1].event.number if more else None)


def _of_stretch(webhook: Webhook, stretch: Stretch, made: Sequence[Delivery]) -> Change:
    """Return what the audit trail keeps of messages that are sent once more."""
    numbers = [one.number for one in made]
    kept = {"stretch": stretch, "messages": len(made), "first": numbers[0], "last": numbers[-1]}
    return Change(NOUN, "replayed", str(webhook.id), webhook.version, None, kept)


def _of_delivery(action: str, before: Delivery | None, after: Delivery) -> Change:
    return Change("webhook_delivery", action, str(after.id), None, before, after)


async def _bounds(conn: Connection, stretch: Stretch) -> tuple[int, int] | None:
    """Return the stretch by numbers, None when nothing happened in its time."""
    if stretch.since is None:
        return stretch.after, stretch.until
    found = await following.between(conn, stretch.partition, stretch.since, stretch.before)
    if found is None:
        return None
    return max(found[0], stretch.after), min(found[1], stretch.until)


async def ping(
    conn: Connection, ctx: Context, *, house: House, caller: Caller, webhook_id: UUID
) -> Record:
    """Send a message that tells of nothing, in whatever state; raises WebhookNotFound."""
    webhook, _ = await webhooks.one(conn, webhook_id, caller.scope)
    made = messages.ping(webhook, house.service, ctx.now)
    await store.make(conn, [made], ctx.now)
    await outbox.note(conn, ctx, _of_delivery("pinged", None, made))
    return await queries.one(conn, webhook_id, made.id)
