"""Operations: what an operator sees and mends of this service's events."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import orjson
from fastapi import Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from shared.audit.model import Change
from shared.context import Context
from shared.db import Connection, is_passing
from shared.errors import Conflict, NotFound, PharosError
from shared.events import outbox, parking, watermark
from shared.events.consumer import Subscription
from shared.events.envelope import Event
from shared.events.watermark import Position, Watermark
from shared.failpoints import reach
from shared.fields import NUMBER_MAX, Body, Code, Id, Name, View
from shared.http.call import CallOf
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes

router = routes("operations", "What operators see and mend: consumers, parked events, vital signs.")

Answer = TypeVar("Answer", bound=BaseModel)


class ConsumerGone(Conflict):
    """The consumer that parked the event is no longer part of this service."""

    en = "No consumer {consumer} of {source} runs in this service any more. Discard the event."
    zh = "本服务已没有来源 {source} 的消费者 {consumer}，请丢弃该事件。"


class ParkedView(View):
    """An event that could not be applied, with the reason."""

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

    @classmethod
    def of(cls, parked: parking.Parked) -> "ParkedView":
        """Return the view of a parked event."""
        return cls(**asdict(parked))


class ParkedWhole(ParkedView):
    """A parked event, the CloudEvent as it came, and where its application failed."""

    stack: str
    event: dict[str, Any]


class Settled(BaseModel):
    """What became of a parked event."""

    id: UUID
    state: str


class ConsumerNotFound(NotFound):
    """No such consumer has ever run in this service."""

    en = "There is no consumer {consumer} of {source} here."
    zh = "此处没有来源 {source} 的消费者 {consumer}。"


class ConsumerNotStopped(Conflict):
    """A consumer that works is not moved: events would be left out, or what is compared change."""

    en = "The consumer {consumer} of {source} is at work; only a stopped one can be moved."
    zh = "来源 {source} 的消费者 {consumer} 正在运行，只有已停止的消费者才能移动。"


class ConsumerView(View):
    """How far a consumer is in its source's log; `stopped` says why it needs an operator."""

    consumer: str
    source: str
    partition: int
    number: int
    event_id: UUID | None
    stopped: str | None

    @classmethod
    def of(cls, mark: Watermark, position: Position) -> "ConsumerView":
        """Return the view of a consumer."""
        return cls(
            consumer=mark.consumer,
            source=mark.source,
            partition=mark.partition,
            number=position.number,
            event_id=position.event_id,
            stopped=position.stopped,
        )


class ConsumersView(View):
    """The consumers of a service."""

    items: list[ConsumerView]


class ResumeBody(Body):
    """The event of the source that counts as applied; the next one is the first to come."""

    after: Annotated[int, Field(ge=0, le=NUMBER_MAX)]
    event_id: Id | None = Field(description="The id of event `after`; null only for 0.")


@router.get("/consumers", openapi_extra=needs("operations:read"))
async def list_consumers(call: CallOf) -> ConsumersView:
    """List this service's consumers, how far they are, and which of them are stopped."""
    found = await call.read(watermark.listed)
    return ConsumersView(items=[ConsumerView.of(mark, position) for mark, position in found])


@router.post(
    "/consumers/{consumer}/{source}/{partition}/resume",
    openapi_extra=needs("operations:write"),
    response_model=ConsumerView,
)
async def resume_consumer(
    consumer: Annotated[Code, Path()],
    source: Annotated[Code, Path()],
    partition: Annotated[int, Path(ge=0, le=63)],
    body: ResumeBody,
    call: CallOf,
) -> Response:
    """Let a stopped consumer go on, behind an event that the source's feed has.

    For a reader that is known to be right. After the restore of an old backup repair it instead:
    what follows here is applied through the version guard, so what the source lost would stay.
    """
    mark = Watermark(consumer, source, partition)
    return await call.run(as_it_is, _resume, mark, body)


@router.get("/parked", openapi_extra=needs("operations:read"), response_model=Page[ParkedView])
async def list_parked(
    request: Request,
    call: CallOf,
    query: ListOf,
    state: Literal["parked", "replayed", "discarded"] | None = None,
    consumer: Code | None = None,
    source: Code | None = None,
    reason: Annotated[Name | None, Query(description="A part of the reason.")] = None,
) -> Response:
    """List events that could not be applied."""
    return await listed(
        request,
        call,
        parking.PARKED,
        ParkedView.of,
        query,
        within=parking.because_of(reason),
        state=state,
        consumer=consumer,
        source=source,
    )


@router.get("/parked/{parked_id}", openapi_extra=needs("operations:read"))
async def read_parked(parked_id: UUID, call: CallOf) -> ParkedWhole:
    """Return a parked event with the event as it came and the stack of its failure."""
    parked, stack, event = await call.read(parking.one, parked_id)
    return ParkedWhole(**asdict(parked), stack=stack, event=orjson.loads(event))


@router.post(
    "/parked/{parked_id}/replay",
    openapi_extra=needs("operations:write"),
    response_model=Settled,
)
async def replay_parked(request: Request, parked_id: UUID, call: CallOf) -> Response:
    """Apply a parked event now, past the watermark; an older version than known changes nothing."""
    subscriptions: Sequence[Subscription] = request.app.state.runtime.subscriptions
    return await call.run(as_it_is, _replay, parked_id, subscriptions)


@router.post(
    "/parked/{parked_id}/discard",
    openapi_extra=needs("operations:write"),
    response_model=Settled,
)
async def discard_parked(parked_id: UUID, call: CallOf) -> Response:
    """Decide that a parked event stays without effect."""
    return await call.run(as_it_is, _discard, parked_id)


async def _replay(
    conn: Connection, ctx: Context, parked_id: UUID, subscriptions: Sequence[Subscription]
) -> Settled:
    consumer, event = await parking.lock(conn, parked_id)
    for subscription in subscriptions:
        if (subscription.consumer, subscription.source) == (consumer, event.source):
            # Neither a batch nor another replay may bring another version of the fact meanwhile.
            await Watermark(consumer, event.source, event.partition).hold(conn)
            await _react(conn, ctx.following(), subscription, parking.decode(event))
            await reach("replay.reacted")
            await _settle(conn, ctx, parked_id, consumer, event, "replayed")
            await reach("replay.settled")
            return Settled(id=parked_id, state="replayed")
    raise ConsumerGone(consumer=consumer, source=event.source)


async def _react(conn: Connection, ctx: Context, subscription: Subscription, event: Event) -> None:
    """React to one event; what is at fault with it is told to the operator, in a sentence."""
    try:
        await subscription.react(conn, ctx, [event])
    except PharosError:
        raise
    except Exception as error:
        if is_passing(error):
            raise
        raise parking.StillRefused(reason=f"{type(error).__name__}: {error}") from error


async def _discard(conn: Connection, ctx: Context, parked_id: UUID) -> Settled:
    consumer, event = await parking.lock(conn, parked_id)
    await _settle(conn, ctx, parked_id, consumer, event, "discarded")
    return Settled(id=parked_id, state="discarded")


async def _settle(
    conn: Connection, ctx: Context, parked_id: UUID, consumer: str, event: Event, state: str
) -> None:
    await parking.settle(conn, parked_id, state, ctx.actor)
    known = {
        "consumer": consumer,
        "source": event.source,
        "partition": event.partition,
        "number": event.number,
        "event_id": event.id,
        "type": event.type,
    }
    before, after = {**known, "state": "parked"}, {**known, "state": state}
    subject = str(parked_id)
    await outbox.note(conn, ctx, Change("parked_event", state, subject, None, before, after))


async def _resume(
    conn: Connection, ctx: Context, mark: Watermark, body: ResumeBody
) -> ConsumerView:
    before = await stopped_at(conn, mark)
    await mark.resume(conn, body.after, body.event_id)
    after = Position(body.after, body.event_id, None, None)
    await note_moved(conn, ctx, mark, "resumed", before, after)
    return ConsumerView.of(mark, after)


async def note_moved(
    conn: Connection,
    ctx: Context,
    mark: Watermark,
    action: str,
    before: Position,
    after: Position,
    **more: int,
) -> None:
    """Put it into the audit trail that an operator moved a consumer."""
    change = Change(
        "consumer",
        action,
        f"{mark.consumer}/{mark.source}/{mark.partition}",
        None,
        ConsumerView.of(mark, before),
        {**ConsumerView.of(mark, after).model_dump(mode="json"), **more},
    )
    await outbox.note(conn, ctx, change)


async def stopped_at(conn: Connection, mark: Watermark) -> Position:
    """Return where a consumer has stopped, and keep it so until the transaction ends.

    Raises ConsumerNotFound, and ConsumerNotStopped: one that is at work must not be moved.
    """
    position = await mark.held(conn)
    if position is None:
        raise ConsumerNotFound(consumer=mark.consumer, source=mark.source)
    if position.stopped is None:
        raise ConsumerNotStopped(consumer=mark.consumer, source=mark.source)
    return position


def as_it_is(answer: Answer) -> Answer:
    """Return what a command answers, which is a view already."""
    return answer
