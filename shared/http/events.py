"""The feed: this service's numbered events over HTTP, for readers that missed some."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query, Request
from fastapi.responses import Response

from shared import clock
from shared.db import Connection
from shared.errors import Gone, NotFound
from shared.events import log as event_log
from shared.events.envelope import Event, to_structured
from shared.fields import NUMBER_MAX
from shared.http.call import CallOf
from shared.http.cloud_event import EventsView
from shared.http.routes import needs, routes
from shared.http.shedding import leave
from shared.http.sights import seen
from shared.runtime import Runtime

router = routes("events", "The log of what happened, as a feed, as a stream, and as present facts.")

LIMIT_MAX = 1_000
WAIT_SECONDS_MAX = 25
LOOK_SECONDS = 1


class EventsExpired(Gone):
    """The log does not reach back so far."""

    en = (
        "Events up to {floor} are no longer kept. Read the current facts ({snapshots}), then go on"
        " behind the head that they came with."
    )
    zh = (
        "编号 {floor} 及之前的事件已不再保留，请先读取当前数据（{snapshots}），"
        "再从其所附的末尾编号继续。"
    )


class PartitionNotFound(NotFound):
    """The installation has fewer partitions."""

    en = "There is no partition {partition}."
    zh = "不存在分区 {partition}。"


@router.get(
    "/events",
    openapi_extra=needs("events:read"),
    response_model=EventsView,
)
async def read_events(
    request: Request,
    call: CallOf,
    after: Annotated[int, Query(ge=0, le=NUMBER_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 200,
    partition: Annotated[int, Query(ge=0, le=63)] = 0,
    wait: Annotated[int, Query(ge=0, le=WAIT_SECONDS_MAX)] = 0,
) -> Response:
    """Return the events behind number `after`, in order, as CloudEvents.

    Numbers are dense. An event whose content the caller may not read keeps its place as
    `{"withheld": true}`. With `wait` the answer comes as soon as there is one, or after so many
    seconds without.
    """
    runtime: Runtime = request.app.state.runtime
    snapshots = [f"/v1/snapshots/{name}" for name in sorted(request.app.state.snapshots)]
    if partition >= len(runtime.doorbells):
        raise PartitionNotFound(partition=partition, pointer="?partition")
    until = clock.monotonic() + wait
    while True:
        grown = runtime.doorbells[partition].grown  # taken before the look, so no event slips by
        events, tip = await call.read(_stretch, runtime.service, partition, after, limit, snapshots)
        left = until - clock.monotonic()
        # Nobody waits for the answer any more: it must not hold up a stop of the server.
        if events or left <= 0 or await request.is_disconnected():
            break
        leave(request)
        await clock.within(min(left, LOOK_SECONDS), grown)
    body = {
        "events": [to_structured(event) for event in await seen(call, events)],
        "head": tip[0],
        "head_event_id": tip[1],
        "partitions": len(runtime.doorbells),
    }
    return Response(orjson.dumps(body, default=str), media_type="application/json")


async def _stretch(
    conn: Connection,
    source: str,
    partition: int,
    after: int,
    limit: int,
    snapshots: Sequence[str],
) -> tuple[Sequence[Event], tuple[int, UUID | None]]:
    tip = await event_log.tip(conn, partition)
    head, _ = tip
    events: Sequence[Event] = ()
    if after < head:
        events = await event_log.read(conn, source, partition, after=after, limit=limit)
        if not events or events[0].number != after + 1:
            lowest = await event_log.floor(conn, partition) or head + 1
            raise EventsExpired(floor=lowest - 1, snapshots=", ".join(snapshots) or "/v1")
    return events, tip
