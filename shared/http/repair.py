"""Repair: a stopped consumer is brought to what its source holds now, and goes on from there."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Request
from fastapi.responses import Response
from pydantic import Field

from shared.context import Context, Origin
from shared.db import Connection
from shared.errors import Conflict
from shared.events import parking, repairs
from shared.events.consumer import Subscription
from shared.events.feed import FeedUnavailable
from shared.events.snapshot import START, Correct, Stretch, Tip
from shared.events.watermark import Position, Watermark
from shared.fields import NUMBER_MAX, Body, Code, Id, View
from shared.http.call import CallOf
from shared.http.documents.raised import fails_with
from shared.http.events import PartitionNotFound
from shared.http.lists import ListOf, listed
from shared.http.operations import ConsumerNotFound, as_it_is, note_moved, stopped_at
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.runtime import Runtime

router = routes("operations")


class RepairNotKnown(Conflict):
    """The consumer does not say how it is brought to a snapshot."""

    en = "The consumer {consumer} of {source} cannot be brought to a snapshot. Resume it instead."
    zh = "来源 {source} 的消费者 {consumer} 无法按快照修复，请改用 resume。"


class RepairBody(Body):
    """Where a repair goes on: empty to begin with, then `next` of the step before."""

    after: Id | None = None
    number: Annotated[int | None, Field(ge=0, le=NUMBER_MAX)] = None
    event_id: Id | None = None


class RepairView(View):
    """A step of a repair: how many facts were not what the source says, and are now.

    `discarded` counts parked events that the snapshot made needless. `next` is the body of the
    following step; null on the last, after which the consumer goes on behind event `number`.
    """

    corrected: int
    discarded: int
    number: int
    next: RepairBody | None


class RepairedView(View):
    """A step of a repair on record: how much was corrected, why, when and by whom."""

    id: UUID
    consumer: str
    source: str
    partition: int
    number: int
    corrected: int
    discarded: int
    reason: str
    repaired_at: datetime
    repaired_by: str

    @classmethod
    def of(cls, step: repairs.Repair) -> "RepairedView":
        """Return the view of a step."""
        return cls(**asdict(step))


@router.get("/repairs", openapi_extra=needs("operations:read"), response_model=Page[RepairedView])
async def list_repairs(request: Request, call: CallOf, query: ListOf) -> Response:
    """List what repairs did to this service's consumers, step by step, in order."""
    return await listed(request, call, repairs.REPAIRS, RepairedView.of, query)


@router.post(
    "/consumers/{consumer}/{source}/{partition}/repair",
    openapi_extra=needs("operations:write") | fails_with(FeedUnavailable),
    response_model=RepairView,
)
async def repair_consumer(
    request: Request,
    consumer: Annotated[Code, Path()],
    source: Annotated[Code, Path()],
    partition: Annotated[int, Path(ge=0, le=63)],
    body: RepairBody,
    call: CallOf,
) -> Response:
    """Bring a stopped consumer, a stretch at a time, to the facts that its source holds now.

    After the restore of a backup, or when the log no longer reaches back: what the source does
    not have is taken back, what it has otherwise is corrected, whatever versions were known. A
    step may be repeated.
    """
    runtime: Runtime = request.app.state.runtime
    if partition >= runtime.installation.partitions:
        raise PartitionNotFound(partition=partition, pointer="/partition")
    mark = Watermark(consumer, source, partition)
    subscription = _subscription(runtime.subscriptions, mark)
    correct = subscription.correct
    if correct is None:
        raise RepairNotKnown(consumer=consumer, source=source)
    stretch = await runtime.feed.snapshot(
        source, subscription.snapshot, partition, body.after or START
    )
    if body.number is not None:  # what the source told since the first step comes as events
        stretch = replace(stretch, tip=Tip(body.number, body.event_id))
    return await call.run(as_it_is, _step, mark, correct, stretch)


def _subscription(subscriptions: Sequence[Subscription], mark: Watermark) -> Subscription:
    for subscription in subscriptions:
        if (subscription.consumer, subscription.source) == (mark.consumer, mark.source):
            return subscription
    raise ConsumerNotFound(consumer=mark.consumer, source=mark.source)


async def _step(
    conn: Connection, ctx: Context, mark: Watermark, correct: Correct, stretch: Stretch
) -> RepairView:
    before = after = await stopped_at(conn, mark)
    corrected = await correct(conn, replace(ctx.following(), origin=Origin.IMPORT), stretch)
    tip = stretch.tip
    discarded = 0
    if stretch.last is None:
        # The snapshot says all that they said, or they are of a history that the source has not.
        discarded = await parking.settle_all(conn, *mark.labels, "discarded", ctx.actor)
        await mark.resume(conn, tip.number, tip.event_id)
        after = Position(tip.number, tip.event_id, None, None)
    counts = {"corrected": corrected, "discarded": discarded}
    await repairs.note(conn, ctx, mark, stretch, before.stopped or "", **counts)
    await note_moved(conn, ctx, mark, "repaired", before, after, **counts)
    following = None
    if stretch.last is not None:
        following = RepairBody(after=stretch.last, number=tip.number, event_id=tip.event_id)
    return RepairView(corrected=corrected, discarded=discarded, number=tip.number, next=following)
