"""Operations: what an operator sees and mends of this service's events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from shared.context import Context
from shared.db import Connection
from shared.errors import Conflict
from shared.events import parking
from shared.events.consumer import Subscription
from shared.http.call import CallOf
from shared.http.page import Cursor, Limit, Page, after_id, page_by_id
from shared.http.routes import needs, routes

router = routes("operations")


class ConsumerGone(Conflict):
    """The consumer that parked the event is no longer part of this service."""

    en = "No consumer {consumer} of {source} runs in this service any more. Discard the event."
    zh = "本服务已没有来源 {source} 的消费者 {consumer}，请丢弃该事件。"


class ParkedView(BaseModel):
    """An event that could not be applied, with the reason."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
    id: UUID
    consumer: str
    source: str
    partition: int
    number: int
    event_id: UUID
    type: str
    reason: str
    parked_at: datetime
    state: str
    settled_at: datetime | None
    settled_by: str | None


class Settled(BaseModel):
    """What became of a parked event."""

    id: UUID
    state: str


@router.get("/parked", openapi_extra=needs("operations:read"))
async def list_parked(
    call: CallOf,
    state: Literal["parked", "replayed", "discarded"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ParkedView]:
    """List events that could not be applied, by id."""
    found: Sequence[parking.Parked] = await call.read(
        parking.listed, state, after_id(cursor), limit + 1
    )
    return page_by_id([ParkedView.model_validate(parked) for parked in found], limit)


@router.post(
    "/parked/{parked_id}/replay",
    openapi_extra=needs("operations:write"),
    response_model=Settled,
)
async def replay(request: Request, parked_id: UUID, call: CallOf) -> Response:
    """Apply a parked event now, past the watermark; an older version than known changes nothing."""
    subscriptions: Sequence[Subscription] = request.app.state.runtime.subscriptions
    return await call.run(_settled, _replay, parked_id, subscriptions)


@router.post(
    "/parked/{parked_id}/discard",
    openapi_extra=needs("operations:write"),
    response_model=Settled,
)
async def discard(parked_id: UUID, call: CallOf) -> Response:
    """Decide that a parked event stays without effect."""
    return await call.run(_settled, _discard, parked_id)


async def _replay(
    conn: Connection, ctx: Context, parked_id: UUID, subscriptions: Sequence[Subscription]
) -> tuple[UUID, str]:
    consumer, source, event = await parking.lock(conn, parked_id)
    for subscription in subscriptions:
        if (subscription.consumer, subscription.source) == (consumer, source):
            await subscription.react(conn, ctx, [parking.decode(event)])
            await parking.settle(conn, parked_id, "replayed", ctx.actor)
            return parked_id, "replayed"
    raise ConsumerGone(consumer=consumer, source=source)


async def _discard(conn: Connection, ctx: Context, parked_id: UUID) -> tuple[UUID, str]:
    await parking.lock(conn, parked_id)
    await parking.settle(conn, parked_id, "discarded", ctx.actor)
    return parked_id, "discarded"


def _settled(outcome: tuple[UUID, str]) -> Settled:
    return Settled(id=outcome[0], state=outcome[1])
