"""Snapshots over HTTP: what a service holds now, for readers that its log cannot set right."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Path, Query, Request
from fastapi.responses import Response

from shared.db import Connection
from shared.errors import NotFound
from shared.events import log as event_log
from shared.events import snapshot
from shared.events.envelope import to_structured
from shared.events.snapshot import START, SnapshotOf, Stretch, Tip
from shared.fields import Code
from shared.http.call import Call, CallOf
from shared.http.cloud_event import FactsView
from shared.http.events import PartitionNotFound
from shared.http.routes import needs, routes
from shared.http.sights import seen

router = routes("events")

LIMIT_MAX = 500


class SnapshotNotFound(NotFound):
    """The service keeps no such facts."""

    en = "There is no snapshot {name} here; there are: {names}."
    zh = "此处没有快照 {name}；可用的有：{names}。"


@router.get("/snapshots/{name}", openapi_extra=needs("events:read"), response_model=FactsView)
async def read_snapshot(
    request: Request,
    name: Annotated[Code, Path()],
    call: CallOf,
    after: UUID = START,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_MAX,
    partition: Annotated[int, Query(ge=0, le=63)] = 0,
) -> Response:
    """Return the present facts of the subjects behind `after`, in the order of their ids.

    They are at least as new as event `head`, whatever came behind it: read a snapshot from its
    start, then the events behind the `head` of its first page, and take of each fact the highest
    version. `next` is the `after` of the following page, null on the last. Facts of another
    partition are left out.
    """
    kept: Mapping[str, SnapshotOf] = request.app.state.snapshots
    if name not in kept:
        names = ", ".join(sorted(kept)) or "–"
        raise SnapshotNotFound(name=name, names=names, pointer="/name")
    if partition >= call.ctx.installation.partitions:
        raise PartitionNotFound(partition=partition, pointer="?partition")
    stretch = await call.read(_stretch, call, kept[name], partition, after, limit)
    body = {
        "facts": [to_structured(event) for event in await seen(call, stretch.events)],
        "next": stretch.last,
        "head": stretch.tip.number,
        "head_event_id": stretch.tip.event_id,
        "partitions": call.ctx.installation.partitions,
    }
    return Response(orjson.dumps(body, default=str), media_type="application/json")


async def _stretch(
    conn: Connection, call: Call, read: SnapshotOf, partition: int, after: UUID, limit: int
) -> Stretch:
    # The head first: what changes from here on comes as an event behind it.
    tip = Tip(*await event_log.tip(conn, partition))
    found = await read(conn, after, limit)
    place = partition, call.ctx.installation.partitions
    return snapshot.stretch_of(found, call.runtime.service, place, tip, after, limit, call.ctx)
