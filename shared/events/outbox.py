"""The outbox: events leave in the very statement or transaction that makes them true."""

from collections.abc import Iterable
from typing import Final, LiteralString

import orjson

from shared.context import Context
from shared.contracts.contract import Contract
from shared.db import Connection, tells_of_events

APPEND: Final[LiteralString] = """
    INSERT INTO outbox (
        partition, event_id, type, aggregate_id, aggregate_version, occurred_at,
        correlation_id, causation_id, origin, traceparent, payload
    )
    SELECT e.partition, e.event_id, e.type, e.aggregate_id, e.aggregate_version, e.occurred_at,
           e.correlation_id, e.causation_id, e.origin, e.traceparent, e.payload
      FROM json_to_recordset($1::json) AS e (
        partition smallint, event_id uuid, type text, aggregate_id uuid,
        aggregate_version bigint, occurred_at timestamptz, correlation_id uuid,
        causation_id uuid, origin text, traceparent text, payload json)
"""
"""Appends the rows of ``$1``; a store may put it before its own statement as a WITH query."""


def rows(announcements: Iterable[tuple[Context, Contract]]) -> str:
    """Return events as the one parameter of APPEND, in the order in which they happened."""
    found = [_row(ctx, content) for ctx, content in announcements]
    tells_of_events.set(tells_of_events.get() or bool(found))
    return orjson.dumps(found, default=str).decode()  # str: the ids that asyncpg reads


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
        "payload": orjson.Fragment(content.model_dump_json()),
    }


def partition_of(aggregate: int, partitions: int) -> int:
    """Return the virtual partition of an aggregate, from the random tail of its id."""
    return (aggregate & 0xFFFF_FFFF) % partitions


async def append(conn: Connection, announcements: Iterable[tuple[Context, Contract]]) -> None:
    """Append events in the caller's transaction, after it has locked their aggregates."""
    batch = rows(announcements)
    if batch != "[]":
        await conn.execute(APPEND, batch)
