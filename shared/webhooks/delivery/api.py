"""Routes of deliveries: what was sent to a receiver, and once more."""

from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from shared.http.call import CallOf
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.webhooks import queries as webhooks
from shared.webhooks.api import caller_of, house_of
from shared.webhooks.delivery import commands, queries
from shared.webhooks.delivery.model import Stage
from shared.webhooks.delivery.views import DeliveryView, ReplayBody, ReplayedView

router = routes("webhooks")


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    openapi_extra=needs("webhooks:read"),
    response_model=Page[DeliveryView],
)
async def list_deliveries(
    request: Request,
    webhook_id: UUID,
    call: CallOf,
    query: ListOf,
    state: Stage | None = None,
) -> Response:
    """List the messages to a receiver, the newest first, each with its attempts."""
    await call.read(webhooks.one, webhook_id, caller_of(call).scope)
    return await listed(
        request,
        call,
        queries.DELIVERIES,
        DeliveryView.of,
        query,
        webhook_id=webhook_id,
        state=state,
    )


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
