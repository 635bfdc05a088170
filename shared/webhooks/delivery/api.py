"""Routes of deliveries: what was sent to a receiver, and once more."""

from collections.abc import Sequence
from uuid import UUID

from fastapi.responses import Response

from shared.db import Connection
from shared.http.call import CallOf
from shared.http.page import START, Cursor, Limit, Page, after_id, page_by_id
from shared.http.routes import needs, routes
from shared.webhooks import queries as webhooks
from shared.webhooks.api import caller_of, house_of
from shared.webhooks.delivery import commands, queries
from shared.webhooks.delivery.model import Stage
from shared.webhooks.delivery.queries import Record
from shared.webhooks.delivery.views import DeliveryView, ReplayBody, ReplayedView
from shared.webhooks.model import Owner

router = routes("webhooks")


@router.get("/webhooks/{webhook_id}/deliveries", openapi_extra=needs("webhooks:read"))
async def list_deliveries(
    webhook_id: UUID,
    call: CallOf,
    state: Stage | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryView]:
    """List the messages to a receiver, the newest first, each with its attempts."""
    place = after_id(cursor)
    before = None if place == START else place
    found: Sequence[Record] = await call.read(
        _listed, caller_of(call).scope, webhook_id, before, state, limit + 1
    )
    return page_by_id([DeliveryView.of(record) for record in found], limit)


async def _listed(
    conn: Connection,
    scope: Owner | None,
    webhook_id: UUID,
    before: UUID | None,
    stage: Stage | None,
    limit: int,
) -> Sequence[Record]:
    await webhooks.one(conn, webhook_id, scope)
    return await queries.listed(conn, webhook_id, before, stage, limit)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    openapi_extra=needs("webhooks:write"),
    response_model=DeliveryView,
)
async def replay_delivery(webhook_id: UUID, delivery_id: UUID, call: CallOf) -> Response:
    """Send a message once more, now, under the same `webhook-id` and with all its tries."""
    return await call.run(
        DeliveryView.of,
        commands.replay,
        caller=caller_of(call),
        webhook_id=webhook_id,
        delivery_id=delivery_id,
    )


@router.post(
    "/webhooks/{webhook_id}/replay",
    openapi_extra=needs("webhooks:write"),
    response_model=ReplayedView,
)
async def replay_events(webhook_id: UUID, body: ReplayBody, call: CallOf) -> Response:
    """Send the events of a stretch of the log, those among them that the webhook is told of.

    It may reach back behind the making of the webhook. 500 events are looked at per call; `next`
    says where to go on.
    """
    return await call.run(
        ReplayedView.of,
        commands.replay_stretch,
        house=house_of(call),
        caller=caller_of(call),
        webhook_id=webhook_id,
        stretch=body.stretch(),
    )


@router.post(
    "/webhooks/{webhook_id}/test",
    status_code=201,
    openapi_extra=needs("webhooks:write"),
    response_model=DeliveryView,
)
async def ping_receiver(webhook_id: UUID, call: CallOf) -> Response:
    """Send a message of type `pharos.<service>.webhook.ping.v1`, once, in whatever state.

    What came of it is in the list of deliveries.
    """
    return await call.create(
        DeliveryView.of,
        commands.ping,
        house=house_of(call),
        caller=caller_of(call),
        webhook_id=webhook_id,
    )
