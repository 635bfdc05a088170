"""Routes of webhooks: who is told of this service's events."""

from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from shared.http.call import Call, CallOf
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.webhooks import commands, queries
from shared.webhooks.commands import Caller, House
from shared.webhooks.model import Owner
from shared.webhooks.views import (
    RotationBody,
    WebhookBody,
    WebhookEdit,
    WebhookMade,
    WebhookView,
)

router = routes("webhooks", "Who is told of events by signed HTTP messages, and what came of each.")

MANAGES_ALL = "operations:write"


def caller_of(call: Call) -> Caller:
    """Return who asks; operators manage everybody's webhooks."""
    principal = call.principal
    owner = Owner(principal.subject, principal.client, principal.roles)
    return Caller(owner, MANAGES_ALL in principal.permissions)


def house_of(call: Call) -> House:
    """Return what a webhook of this service must fit into."""
    return House(call.runtime.service, call.runtime.settings.webhook_reach)


@router.post(
    "/webhooks",
    status_code=201,
    openapi_extra=needs("webhooks:write"),
    response_model=WebhookMade,
)
async def create_webhook(body: WebhookBody, call: CallOf) -> Response:
    """Be told of this service's events from now on, as far as the caller may read them.

    Messages are CloudEvents as in the feed, signed by the rules of Standard Webhooks with the
    `secret` of the answer, which is shown this once. They come in the order of their numbers, one
    at a time; one that is not taken is tried again later and overtaken by those behind it. A
    message may come twice, under the same `webhook-id`. Imported history is not sent.
    """
    caller = caller_of(call)
    return await call.create(
        WebhookMade.of,
        commands.create,
        house=house_of(call),
        caller=caller,
        terms=body.terms(caller.owner),
    )


@router.get("/webhooks", openapi_extra=needs("webhooks:read"), response_model=Page[WebhookView])
async def list_webhooks(request: Request, call: CallOf, query: ListOf) -> Response:
    """List the caller's webhooks by id; for operators those of everybody."""
    scope = caller_of(call).scope
    return await listed(
        request,
        call,
        queries.WEBHOOKS,
        WebhookView.of,
        query,
        owner=None if scope is None else scope.subject,
        owner_client=None if scope is None else scope.client,
    )


@router.get(
    "/webhooks/{webhook_id}", openapi_extra=needs("webhooks:read"), response_model=WebhookView
)
async def read_webhook(webhook_id: UUID, call: CallOf) -> Response:
    """Return a webhook and how its receiver does, which is no part of its version."""
    return await call.present(WebhookView.of, queries.one, webhook_id, caller_of(call).scope)


@router.patch(
    "/webhooks/{webhook_id}",
    openapi_extra=needs("webhooks:write", version=True),
    response_model=WebhookView,
)
async def change_webhook(webhook_id: UUID, body: WebhookEdit, call: CallOf) -> Response:
    """Change a webhook, pause it, or let it go on.

    One that is active again goes on where it stopped: what happened meanwhile is sent, as far as
    the log still has it. If it has not, that is said, and `resume` decides. What an owner may read
    is taken anew from the roles of the call when the owner changes the webhook.
    """
    return await call.run(
        WebhookView.of,
        commands.change,
        house=house_of(call),
        caller=caller_of(call),
        webhook_id=webhook_id,
        edit=body.edit(),
        resume=body.resume,
    )


@router.delete(
    "/webhooks/{webhook_id}",
    status_code=204,
    openapi_extra=needs("webhooks:write", version=True),
)
async def delete_webhook(webhook_id: UUID, call: CallOf) -> Response:
    """Delete a webhook at once, with what is pending; a message under way may still arrive."""
    return await call.remove(commands.delete, caller=caller_of(call), webhook_id=webhook_id)


@router.post(
    "/webhooks/{webhook_id}/secrets",
    status_code=201,
    openapi_extra=needs("webhooks:write", version=True),
    response_model=WebhookMade,
)
async def rotate_secret(webhook_id: UUID, body: RotationBody, call: CallOf) -> Response:
    """Get a new secret; for `overlap_hours` every message is signed with both."""
    return await call.create(
        WebhookMade.of,
        commands.rotate,
        caller=caller_of(call),
        webhook_id=webhook_id,
        overlap=body.overlap(),
    )
