"""Parking: events that could not be applied wait, with their reason, for an operator."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, LiteralString
from uuid import UUID

import orjson
from pydantic import ValidationError

from shared import clock
from shared.contracts.contract import UnknownContract, contract_of, family
from shared.db import Connection, Row
from shared.errors import Conflict, Invalid, NotFound, PharosError, Refused
from shared.events.envelope import Event, from_structured, to_structured
from shared.events.repairs import REBUILT
from shared.filters.condition import to_condition
from shared.filters.fields import Field
from shared.filters.kinds import Kind, Op
from shared.filters.tree import Comparison
from shared.ids import derived_id
from shared.lists.listing import Listing
from shared.sql import Condition, anything

REASON_LENGTH_MAX = 2_000
STACK_LENGTH_MAX = 20_000

_PARK: Final[LiteralString] = """
    INSERT INTO parked (
        id, consumer, source, partition, number, event_id, type, event, reason, stack, parked_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (consumer, source, partition, number) DO UPDATE
       SET reason = excluded.reason, stack = excluded.stack, parked_at = excluded.parked_at,
           state = 'parked', settled_at = NULL, settled_by = NULL
"""
# A source that was restored gives its numbers again, to other events, and tells the same events
# under other numbers.
_OUT_OF_THE_WAY: Final[LiteralString] = """
    DELETE FROM parked
     WHERE consumer = $1 AND source = $2 AND partition = $3 AND (number = $4) <> (event_id = $5)
"""
_LIST: Final[LiteralString] = """
    SELECT p.id, p.consumer, p.source, p.partition, p.number, p.event_id, p.type, p.reason,
           p.parked_at, p.state, p.settled_at, p.settled_by
      FROM parked AS p
"""
_ONE: Final[LiteralString] = """
    SELECT id, consumer, source, partition, number, event_id, type, reason, parked_at, state,
           settled_at, settled_by, stack, event
      FROM parked
     WHERE id = $1
"""
_LOCK: Final[LiteralString] = """
    SELECT consumer, state, event FROM parked WHERE id = $1 FOR UPDATE
"""
# What was put aside before a repair was overruled by it: a snapshot says all that was said.
_DISCARDED: Final[LiteralString] = """
    SELECT p.number, p.event_id
      FROM parked AS p
     WHERE p.consumer = $1 AND p.source = $2 AND p.partition = $3 AND p.state = 'discarded'
       AND NOT EXISTS (
           SELECT FROM repair AS r
            WHERE r.consumer = p.consumer AND r.source = p.source AND r.partition = p.partition
              AND r.repaired_at >= p.parked_at AND NOT starts_with(r.reason, $4))
"""
_SETTLE: Final[LiteralString] = """
    UPDATE parked SET state = $2, settled_at = $3, settled_by = $4 WHERE id = $1
"""

_SETTLE_ALL: Final[LiteralString] = """
    UPDATE parked
       SET state = $4, settled_at = $5, settled_by = $6
     WHERE consumer = $1 AND source = $2 AND partition = $3 AND state = 'parked'
    RETURNING id
"""


class ParkedEventNotFound(NotFound):
    """There is no parked event of that id."""

    en = "There is no parked event {id}."
    zh = "不存在编号为 {id} 的搁置事件。"


class AlreadySettled(Conflict):
    """A parked event is replayed or discarded once."""

    en = "The event was already {state}."
    zh = "该事件已处理（{state}）。"


class StillRefused(Refused):
    """A replay that failed as the first try did; the event stays parked."""

    en = "The event cannot be applied yet: {reason} Mend the cause, then replay it again."
    zh = "该事件仍无法处理：{reason} 请先排除原因，再重新重放。"


class UnreadableContent(Invalid):
    """A payload that does not fit its contract."""

    en = "The content of the event does not fit its contract: {reason}"
    zh = "事件内容不符合契约：{reason}"


@dataclass(frozen=True, slots=True)
class Parked:
    """An event at the side of the road."""

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


def concerns(event: Event, handles: frozenset[str]) -> bool:
    """Tell whether an event is of a handled type, or of a version of one that is not known yet."""
    return event.type in handles or family(event.type) in _families(handles)


@lru_cache
def _families(handles: frozenset[str]) -> frozenset[str]:
    return frozenset(map(family, handles))


def decode_all(
    events: Sequence[Event], handles: frozenset[str]
) -> tuple[list[Event], list[tuple[Event, PharosError]]]:
    """Split events into those to react to, decoded, and those that cannot be read.

    Types of no handled family are passed over. An unknown version of a handled family is
    unreadable: this release is too old for it.
    """
    readable: list[Event] = []
    unreadable: list[tuple[Event, PharosError]] = []
    for event in events:
        if not concerns(event, handles):
            continue
        try:
            readable.append(decode(event))
        except PharosError as error:
            unreadable.append((event, error))
    return readable, unreadable


def decode(event: Event) -> Event:
    """Return the event with its content; raises UnknownContract or UnreadableContent."""
    if contract_of(event.type) is None:
        raise UnknownContract(type=event.type)
    try:
        return event.decoded()
    except ValidationError as error:
        reason = "; ".join(
            f"/{'/'.join(map(str, item['loc']))}: {item['type']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise UnreadableContent(reason=reason) from error


async def park(conn: Connection, consumer: str, event: Event, error: Exception) -> None:
    """Put an event aside in the transaction that moves the watermark past it.

    One that was put aside before and settled waits once more.
    """
    place = consumer, event.source, event.partition, event.number, event.id
    await conn.execute(_OUT_OF_THE_WAY, *place)
    await conn.execute(
        _PARK,
        derived_id(consumer, event.id),
        *place,
        event.type,
        orjson.dumps(to_structured(event), default=str).decode(),
        str(error)[:REASON_LENGTH_MAX] or repr(error)[:REASON_LENGTH_MAX],
        "".join(traceback.format_exception(error))[-STACK_LENGTH_MAX:],
        clock.now(),
    )


PARKED: Final = Listing(
    select=_LIST,
    of=lambda row: Parked(**dict(row)),
    fields={
        "id": Field(Kind.ID, "p.id", sorts=True),
        "consumer": Field(Kind.TEXT, "p.consumer"),
        "source": Field(Kind.TEXT, "p.source"),
        "partition": Field(Kind.INTEGER, "p.partition"),
        "number": Field(Kind.INTEGER, "p.number"),
        "event_id": Field(Kind.ID, "p.event_id"),
        "type": Field(Kind.TEXT, "p.type"),
        "reason": Field(Kind.TEXT, "p.reason"),
        "parked_at": Field(Kind.INSTANT, "p.parked_at"),
        "state": Field(Kind.CHOICE, "p.state", choices=("parked", "replayed", "discarded")),
        "settled_at": Field(Kind.INSTANT, "p.settled_at", nullable=True),
        "settled_by": Field(Kind.TEXT, "p.settled_by", nullable=True),
    },
)


def because_of(reason: str | None) -> Condition:
    """Return the condition of events with a text in their reason, of all where none is given."""
    if reason is None:
        return anything
    return to_condition(Comparison("reason", Op.CONTAINS, reason), PARKED.fields)


async def one(conn: Connection, parked_id: UUID) -> tuple[Parked, str, str]:
    """Return a parked event, the stack of its failure, and the event as it came, in JSON."""
    row = await conn.fetchrow(_ONE, parked_id)
    if row is None:
        raise ParkedEventNotFound(id=parked_id)
    found = dict(row)
    stack, event = found.pop("stack"), found.pop("event")
    return Parked(**found), stack, event


async def lock(conn: Connection, parked_id: UUID) -> tuple[str, Event]:
    """Lock a parked event; return its consumer and the event.

    Raises ParkedEventNotFound or AlreadySettled.
    """
    row: Row | None = await conn.fetchrow(_LOCK, parked_id)
    if row is None:
        raise ParkedEventNotFound(id=parked_id)
    if row["state"] != "parked":
        raise AlreadySettled(state=row["state"])
    return row["consumer"], from_structured(orjson.loads(row["event"]))


async def settle_all(
    conn: Connection, consumer: str, source: str, partition: int, state: str, actor: str
) -> int:
    """Note that all events parked by a consumer were replayed or discarded; return how many."""
    now = clock.now()
    return len(await conn.fetch(_SETTLE_ALL, consumer, source, partition, state, now, actor))


async def discarded(
    conn: Connection, consumer: str, source: str, partition: int
) -> frozenset[tuple[int, UUID]]:
    """Return number and id of the events that an operator decided to leave without effect."""
    rows = await conn.fetch(_DISCARDED, consumer, source, partition, REBUILT)
    return frozenset((row["number"], row["event_id"]) for row in rows)


async def settle(conn: Connection, parked_id: UUID, state: str, actor: str) -> None:
    """Note that the event was replayed or discarded, by whom and when."""
    await conn.execute(_SETTLE, parked_id, state, clock.now(), actor)
