"""The stream: this service's events as they happen, over Server-Sent Events."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Final

from fastapi import Header, Query, Request
from fastapi.responses import Response
from pydantic import Field

from shared.contracts.wanted import asked_of
from shared.db import Connection
from shared.errors import Conflict, TooManyRequests, Unavailable
from shared.events import log as event_log
from shared.events.envelope import Event
from shared.events.tail import BATCH, Overrun, Tail, Told
from shared.http.call import Call, CallOf
from shared.http.documents.raised import fails_with
from shared.http.events import EventsExpired, PartitionNotFound
from shared.http.routes import needs, routes
from shared.http.sights import seen
from shared.http.sse import MEDIA_TYPE, EventStream, Message

router = routes("events")

CALLER_MAX: Final = 20
TYPES_MAX: Final = 50
_PLACE: Final = r"^[0-9]{1,2}:[0-9]{1,18}(?:,[0-9]{1,2}:[0-9]{1,18}){0,63}$"
_TYPE: Final = r"^pharos(?:\.[a-z_]{1,40}){1,4}(?:\.v[0-9]{1,4}|\.\*)?$"
_PLACE_LENGTH_MAX: Final = 64 * 22

Place = Annotated[
    str | None,
    Query(
        max_length=_PLACE_LENGTH_MAX,
        pattern=_PLACE,
        description="Where to begin, for clients that cannot send `Last-Event-ID`: `0:0` is the"
        " start of the log. Left out: with what happens from now on.",
        examples=["0:1842"],
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=_PLACE_LENGTH_MAX,
        pattern=_PLACE,
        description="The `id` of the last event that arrived; the stream goes on behind it.",
        examples=["0:1842"],
    ),
]
Types = Annotated[
    list[Annotated[str, Field(max_length=200, pattern=_TYPE)]],
    Query(
        max_length=TYPES_MAX,
        description="Only events of these types, with or without a version; `.*` at the end takes"
        " all that begin so. Left out: all.",
        examples=[["pharos.pipeline.deal.*"]],
    ),
]


class TooManyStreams(Unavailable):
    """The process has as many streams open as it may."""

    retry_after = 5
    en = "This service has {limit} streams open and takes no more at the moment."
    zh = "本服务已打开 {limit} 个事件流，暂时不能再增加。"


class StreamsOfCallerUsedUp(TooManyRequests):
    """One caller has as many streams open as one may."""

    retry_after = 5
    en = "You have {limit} streams open here; close one first."
    zh = "您在此已打开 {limit} 个事件流，请先关闭一个。"


class PlaceUnknown(Conflict):
    """The place lies behind the end of the log: the service was restored from a backup."""

    en = (
        "Partition {partition} ends at {head}; {number} is not known here, the service was restored"
        " from a backup. Read the current facts, then begin without Last-Event-ID."
    )
    zh = (
        "分区 {partition} 的末尾编号为 {head}，不存在编号 {number}：本服务已从备份恢复。"
        "请先读取当前数据，再不带 Last-Event-ID 重新开始。"
    )


class Streams:
    """The streams that are open in this process, by caller."""

    def __init__(self, tail: Tail, limit: int) -> None:
        self.tail = tail
        self._limit = limit
        self._open: Counter[str] = Counter()

    def enter(self, caller: str) -> None:
        """Count one stream more; raises TooManyStreams or StreamsOfCallerUsedUp."""
        if self._open.total() >= self._limit:
            raise TooManyStreams(limit=self._limit)
        if self._open[caller] >= CALLER_MAX:
            raise StreamsOfCallerUsedUp(limit=CALLER_MAX)
        self._open[caller] += 1

    def leave(self, caller: str) -> None:
        """Count one stream less."""
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]


@router.get(
    "/events/stream",
    status_code=200,
    openapi_extra=needs("events:read") | fails_with(TooManyStreams, StreamsOfCallerUsedUp),
    response_class=EventStream,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def stream_events(
    request: Request,
    call: CallOf,
    types: Types = [],  # noqa: B006 (the framework copies it)
    after: Place = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Stream the service's events as they happen, as Server-Sent Events.

    Each message has the event's type as its `event`, the CloudEvent as its `data`, and as its `id`
    the place behind it in all partitions, such as `0:1842,1:977`. Sent back as `Last-Event-ID` it
    resumes the stream without a loss, after a break of the line or a restart too. What the caller
    may not read is left out.

    A comment comes every 15 seconds. The stream ends shortly before the access token does, and
    when the client reads too slowly: resume it.
    """
    runtime, streams = call.runtime, request.app.state.streams
    wanted = _wanted(types, runtime.service)
    snapshots = [f"/v1/snapshots/{name}" for name in sorted(request.app.state.snapshots)]
    place = last_event_id or after
    partitions = len(runtime.doorbells)
    places = await call.read(_begun, _numbers(place, partitions), snapshots, partitions)
    caller = f"{call.principal.client}\n{call.principal.subject}"
    streams.enter(caller)
    return EventStream(
        _messages(call, streams.tail, places, wanted),
        until=call.principal.expires_at,
        closing=lambda: streams.leave(caller),
    )


def _wanted(types: Sequence[str], service: str) -> frozenset[str] | None:
    """Return the published types that are asked for, None for all."""
    found = {kind for wanted in types for kind in asked_of(service, wanted, "?types")}
    return frozenset(found) if types else None


def _numbers(place: str | None, partitions: int) -> list[int] | None:
    """Return the last known number of each partition, 0 for those not named; None for now."""
    if place is None:
        return None
    numbers = [0] * partitions
    for partition, number in (map(int, part.split(":")) for part in place.split(",")):
        if partition >= partitions:
            raise PartitionNotFound(partition=partition)
        numbers[partition] = number
    return numbers


async def _begun(
    conn: Connection, numbers: list[int] | None, snapshots: Sequence[str], partitions: int
) -> list[int]:
    """Return where to begin; raises PlaceUnknown or EventsExpired."""
    heads = [await event_log.head(conn, partition) for partition in range(partitions)]
    if numbers is None:
        return heads
    for partition, (number, head) in enumerate(zip(numbers, heads, strict=True)):
        if number > head:
            raise PlaceUnknown(partition=partition, head=head, number=number)
        lowest = await event_log.floor(conn, partition) or head + 1
        if number < lowest - 1:
            raise EventsExpired(floor=lowest - 1, snapshots=", ".join(snapshots) or "/v1")
    return numbers


async def _messages(
    call: Call, tail: Tail, places: list[int], wanted: frozenset[str] | None
) -> AsyncGenerator[Message, None]:
    """Yield what happened behind the places, then what happens, until the reader is too slow."""
    # The long way is gone before anything is collected behind it.
    heads = await call.read(_heads, len(places))
    async for batch in _stretches(call, places, heads):
        for message in await _visible(call, batch, places, wanted):
            yield message
    listener = await tail.listen()
    try:
        async for batch in _stretches(call, places, listener.begins):
            for message in await _visible(call, batch, places, wanted):
                yield message
        while True:
            try:
                batch = await listener.next()
            except Overrun:
                return
            for message in await _visible(call, batch, places, wanted):
                yield message
    finally:
        await tail.leave(listener)


async def _stretches(
    call: Call, places: list[int], until: Sequence[int]
) -> AsyncGenerator[Sequence[Told], None]:
    """Yield what lies between the places and ``until``; the places move as it is told."""
    for partition, last in enumerate(until):
        while places[partition] < last:
            events = await call.read(_stretch, call.runtime.service, partition, places[partition])
            if not events or events[0].number != places[partition] + 1:
                raise EventsExpired(floor=places[partition] + 1, snapshots="/v1")
            yield [Told.of(event) for event in events]


async def _visible(
    call: Call, batch: Sequence[Told], places: list[int], wanted: frozenset[str] | None
) -> Sequence[Message]:
    """Return what the caller hears of a batch, and move the places behind it."""
    coming = [told for told in batch if told.event.number > places[told.event.partition]]
    asked = [told.event for told in coming if wanted is None or told.event.type in wanted]
    heard = {event.id for event in await seen(call, asked) if event.data is not None}
    messages: list[Message] = []
    silent = False
    for told in coming:
        event = told.event
        if event.number <= places[event.partition]:
            continue
        places[event.partition] = event.number
        silent = event.id not in heard
        if not silent:
            messages.append(Message(told.written, event.type, _written(places)))
    if silent:  # the place moves, so that nothing is looked at twice
        messages.append(Message(id=_written(places)))
    return messages


def _written(places: Sequence[int]) -> str:
    return ",".join(f"{partition}:{number}" for partition, number in enumerate(places))


async def _heads(conn: Connection, partitions: int) -> list[int]:
    return [await event_log.head(conn, partition) for partition in range(partitions)]


async def _stretch(conn: Connection, source: str, partition: int, after: int) -> Sequence[Event]:
    return await event_log.read(conn, source, partition, after=after, limit=BATCH)
