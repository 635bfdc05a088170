"""Facts as a reader keeps them: each at its highest version, whatever the order of arrival."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, LiteralString, TypeVar
from uuid import UUID

from shared.context import Context, Origin
from shared.contracts.contract import Contract
from shared.db import Connection, Row, columns
from shared.events.envelope import Event
from shared.events.snapshot import Stretch, withdrawal
from shared.ids import derived_id

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
_FORGET: Final[LiteralString] = """
    DELETE FROM fact WHERE source = $1
"""
_TAKE: Final[LiteralString] = """
    DELETE FROM fact
     WHERE id IN (SELECT id FROM fact WHERE source = $1 AND id > $2 ORDER BY id LIMIT $3)
    RETURNING id, kind, version, body, partition, number, origin, learned_at
"""

_STRETCH: Final[LiteralString] = """
    SELECT id, body
      FROM fact
     WHERE source = $1 AND partition = $2 AND kind = ANY($3::text[])
       AND id > $4 AND ($5::uuid IS NULL OR id <= $5)
     ORDER BY id
       FOR UPDATE
"""
_REPLACE: Final[LiteralString] = """
    INSERT INTO fact (id, kind, version, body, source, partition, number, origin, learned_at)
    SELECT f.id, f.kind, f.version, f.body, f.source, f.partition, f.number, f.origin,
           f.learned_at
      FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::json[], $5::text[],
                  $6::smallint[], $7::bigint[], $8::text[], $9::timestamptz[])
           AS f (id, kind, version, body, source, partition, number, origin, learned_at)
    ON CONFLICT (id) DO UPDATE
       SET kind = excluded.kind, version = excluded.version, body = excluded.body,
           number = excluded.number, learned_at = excluded.learned_at
"""
_FORGET_MANY: Final[LiteralString] = """
    DELETE FROM fact WHERE id = ANY($1::uuid[])
"""
# A fact may be right, yet have come under a number that the source has not given (again).
_RENUMBER: Final[LiteralString] = """
    UPDATE fact
       SET number = $6
     WHERE source = $1 AND partition = $2 AND kind = ANY($3::text[])
       AND id > $4 AND ($5::uuid IS NULL OR id <= $5)
       AND number > $6
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
    rows = await conn.fetch(_ADVANCE, *_columns(newest))
    return {row["id"]: contract.model_validate_json(row["body"]) for row in rows}


def _columns(events: Sequence[Event]) -> tuple[list[object], ...]:
    rows = [
        (
            event.subject,
            event.type,
            event.version,
            event.data,
            event.source,
            event.partition,
            event.number,
            event.origin.value,
            event.time,
        )
        for event in events
    ]
    return columns(rows, 9)


async def reconcile(
    conn: Connection,
    ctx: Context,
    stretch: Stretch,
    kinds: Iterable[str],
    contract: type[F],
    undone: Callable[[F], F],
) -> Sequence[Change[F]]:
    """Store just what a stretch of the source's snapshot says; return the changes.

    Versions count for nothing here: a source that was restored has lower ones, and other facts
    under the same. A fact that the source does not have is forgotten; its change leads to what
    ``undone`` makes of it, which must count for nothing. The caller holds the watermark.
    """
    place = stretch.source, stretch.partition, list(kinds), stretch.after, stretch.last
    known = {
        row["id"]: contract.model_validate_json(row["body"])
        for row in await conn.fetch(_STRETCH, *place)
    }
    changes: list[Change[F]] = []
    told = [event for event in stretch.events if isinstance(event.content, contract)]
    for event in told:
        after = contract.model_validate_json(event.data or "")
        before = known.pop(event.subject, None)
        if before != after:
            known_now = replace(event, id=_cause(ctx, event.subject), time=ctx.now)
            changes.append(Change(known_now, before, after))
    await conn.execute(_REPLACE, *_columns([change.event for change in changes]))
    for subject, unknown in known.items():
        cause = _cause(ctx, subject)
        never = withdrawal(subject, unknown.version, stretch, cause, ctx.now)
        changes.append(Change(never, unknown, undone(unknown)))
    await conn.execute(_FORGET_MANY, list(known))
    await conn.execute(_RENUMBER, *place, stretch.tip.number)
    return changes


def _cause(ctx: Context, subject: UUID) -> UUID:
    return derived_id("repair", ctx.correlation_id, subject)


async def forget(conn: Connection, source: str) -> None:
    """Forget all facts of a source, to learn them again."""
    await conn.execute(_FORGET, source)


async def taken_again(conn: Connection, source: str, limit: int) -> AsyncIterator[Sequence[Event]]:
    """Forget the facts of a source page by page; yield each page as if it were told anew.

    The events have ids of their own: which event once brought a fact is not kept.
    """
    after = UUID(int=0)
    while rows := await conn.fetch(_TAKE, source, after, limit):
        after = max(row["id"] for row in rows)
        yield [_told_again(row, source) for row in rows]


def _told_again(row: Row, source: str) -> Event:
    event_id = derived_id("fact", row["id"], row["version"])
    return Event(
        id=event_id,
        source=source,
        partition=row["partition"],
        number=row["number"],
        previous_id=None,
        type=row["kind"],
        subject=row["id"],
        version=row["version"],
        time=row["learned_at"],
        correlation_id=event_id,
        causation_id=None,
        origin=Origin(row["origin"]),
        traceparent=None,
        data=row["body"],
    )


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
