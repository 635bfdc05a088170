"""Facts as a reader keeps them: each at its highest version, whatever the order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, LiteralString, TypeVar
from uuid import UUID

from shared.context import Origin
from shared.contracts.contract import Contract
from shared.db import Connection
from shared.events.envelope import Event

F = TypeVar("F", bound=Contract)

_LOCK: Final[LiteralString] = """
    SELECT id, body, partition, number, origin
      FROM fact
     WHERE id = ANY($1::uuid[])
     ORDER BY id
       FOR UPDATE
"""
# Reads what was known, locked, and writes what is newer, in one go: as the caller holds the
# watermark, nobody else writes these facts meanwhile.
_ADVANCE: Final[LiteralString] = """
    WITH known AS MATERIALIZED (
        SELECT id, body FROM fact WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE),
    saved AS (
        INSERT INTO fact (
            id, kind, version, body, source, partition, number, origin, learned_at)
        SELECT f.id, f.kind, f.version, f.body, f.source, f.partition, f.number, f.origin,
               f.learned_at
          FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::json[], $5::text[],
                      $6::smallint[], $7::bigint[], $8::text[], $9::timestamptz[])
               AS f (id, kind, version, body, source, partition, number, origin, learned_at)
        ON CONFLICT (id) DO UPDATE
           SET kind = excluded.kind, version = excluded.version, body = excluded.body,
               source = excluded.source, partition = excluded.partition,
               number = excluded.number, origin = excluded.origin,
               learned_at = excluded.learned_at
         WHERE fact.version < excluded.version)
    SELECT id, body FROM known
"""


@dataclass(frozen=True, slots=True)
class Stored(Generic[F]):
    """A fact as it is kept, and the event that brought it."""

    id: UUID
    fact: F
    partition: int
    number: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Change(Generic[F]):
    """A fact that moved on: what was known before, what is known now, and the event that said so.

    A batch with several versions of one fact gives one change each, in order, so that what is
    posted does not depend on how events were batched.
    """

    event: Event
    before: F | None
    after: F


async def advance(
    conn: Connection, events: Sequence[Event], contract: type[F]
) -> Sequence[Change[F]]:
    """Store the facts of these events; return the changes, stale versions left out.

    Locks the stored facts, in the order of their ids, until the caller's transaction ends. The
    caller holds the watermark: a fact that is not stored yet cannot be locked, so two versions of
    it must not come at once.
    """
    facts = [event for event in events if isinstance(event.content, contract)]
    newest: dict[UUID, Event] = {}
    for event in facts:
        other = newest.get(event.subject)
        if other is None or other.version < event.version:
            newest[event.subject] = event
    known = await _advance(conn, list(newest.values()), contract)
    changes: list[Change[F]] = []
    for event in facts:
        content = event.content
        before = known.get(event.subject)
        if isinstance(content, contract) and (before is None or before.version < content.version):
            changes.append(Change(event, before, content))
            known[event.subject] = content
    return changes


async def _advance(conn: Connection, newest: Sequence[Event], contract: type[F]) -> dict[UUID, F]:
    """Store facts where they are newer; return what was known of each before."""
    if not newest:
        return {}
    rows = await conn.fetch(
        _ADVANCE,
        [event.subject for event in newest],
        [event.type for event in newest],
        [event.version for event in newest],
        [event.data for event in newest],
        [event.source for event in newest],
        [event.partition for event in newest],
        [event.number for event in newest],
        [event.origin.value for event in newest],
        [event.time for event in newest],
    )
    return {row["id"]: contract.model_validate_json(row["body"]) for row in rows}


async def lock_many(
    conn: Connection, ids: Sequence[UUID], contract: type[F]
) -> Sequence[Stored[F]]:
    """Return the stored facts of these ids, locked in the order of their ids."""
    return [
        Stored(
            row["id"],
            contract.model_validate_json(row["body"]),
            row["partition"],
            row["number"],
            Origin(row["origin"]),
        )
        for row in await conn.fetch(_LOCK, ids)
    ]
