"""The outbox: events leave in the very statement or transaction that makes them true.

With them goes the row of the audit trail, where somebody asked for the change: the one parameter of
a statement carries both, so that neither can be there without the other.
"""

from collections.abc import Iterable, Sequence
from typing import Final, LiteralString

import orjson

from shared.audit.model import Change, Record, record
from shared.context import Context
from shared.contracts.contract import Contract
from shared.db import Connection, tells_of_events

APPENDING: Final[LiteralString] = """
    WITH noted AS (
        INSERT INTO audit_pending (digest, content)
        SELECT decode(a.digest, 'hex'), a.content
          FROM json_to_recordset($1::json -> 'audit') AS a (digest text, content json)),
    appended AS (
        INSERT INTO outbox (
            partition, event_id, type, aggregate_id, aggregate_version, occurred_at,
            correlation_id, causation_id, origin, traceparent, client, payload
        )
        SELECT e.partition, e.event_id, e.type, e.aggregate_id, e.aggregate_version,
               e.occurred_at, e.correlation_id, e.causation_id, e.origin, e.traceparent,
               e.client, e.payload
          FROM json_to_recordset($1::json -> 'events') AS e (
            partition smallint, event_id uuid, type text, aggregate_id uuid,
            aggregate_version bigint, occurred_at timestamptz, correlation_id uuid,
            causation_id uuid, origin text, traceparent text, client text,
            payload json))
"""
"""How a store's statement begins that writes what ``changes`` or ``rows`` returned as ``$1``."""
APPEND: Final[LiteralString] = APPENDING + " SELECT true"
"""Writes it by itself."""
NOTHING: Final = "{}"
"""What a statement writes that tells of nothing."""


class EventWithoutChange(Exception):
    """An event is told in the name of who asked, and no row of audit says what was changed.

    A command hands its events over inside a Change; what follows by itself is told in the context
    of ``ctx.following()``.
    """


def changes(ctx: Context, made: Iterable[Change]) -> str:
    """Return changes as the parameter of APPENDING, in the order in which they happened.

    The events go with a row of audit for each change that somebody asked for.
    """
    found = list(made)
    events = [_row(ctx, event) for change in found for event in change.events]
    asked = ctx.asked
    return _parameter(events, () if asked is None else [record(ctx, asked, one) for one in found])


def rows(announcements: Iterable[tuple[Context, Contract]]) -> str:
    """Return events that follow by themselves as the parameter of APPENDING, in their order."""
    found = []
    for ctx, content in announcements:
        if ctx.asked is not None:
            raise EventWithoutChange(content.TYPE)
        found.append(_row(ctx, content))
    return _parameter(found, ())


def _parameter(events: Sequence[dict[str, object]], records: Sequence[Record]) -> str:
    tells_of_events.set(tells_of_events.get() or bool(events))
    noted = [
        {"digest": one.digest.hex(), "content": orjson.Fragment(one.content)} for one in records
    ]
    # str: the ids that asyncpg reads
    return orjson.dumps({"events": events, "audit": noted}, default=str).decode()


def _row(ctx: Context, content: Contract) -> dict[str, object]:
    subject = content.subject
    return {
        "partition": partition_of(subject.int, ctx.installation.partitions),
        "event_id": ctx.event_id(content.TYPE, subject, content.version),
        "type": content.TYPE,
        "aggregate_id": subject,
        "aggregate_version": content.version,
        "occurred_at": ctx.now,
        "correlation_id": ctx.correlation_id,
        "causation_id": ctx.causation_id,
        "origin": ctx.origin.value,
        "traceparent": ctx.traceparent,
        "client": None if ctx.asked is None else ctx.asked.client,
        "payload": orjson.Fragment(content.model_dump_json()),
    }


def partition_of(aggregate: int, partitions: int) -> int:
    """Return the virtual partition of an aggregate, from the random tail of its id."""
    return (aggregate & 0xFFFF_FFFF) % partitions


async def append(conn: Connection, announcements: Iterable[tuple[Context, Contract]]) -> None:
    """Append events that follow by themselves, after their aggregates were locked."""
    found = list(announcements)
    if found:
        await conn.execute(APPEND, rows(found))


async def note(conn: Connection, ctx: Context, *made: Change) -> None:
    """Write changes that no statement of a store carries, in the caller's transaction."""
    await conn.execute(APPEND, changes(ctx, made))
