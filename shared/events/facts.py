"""Facts as a reader keeps them: each at its highest version, whatever the order of arrival."""

from collections.abc import Mapping, Sequence
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
_SAVE: Final[LiteralString] = """
    INSERT INTO fact (id, kind, version, body, source, partition, number, origin, learned_at)
    SELECT f.id, f.kind, f.version, f.body, f.source, f.partition, f.number,
           f.origin, f.learned_at
      FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::json[], $5::text[], $6::smallint[],
                  $7::bigint[], $8::text[], $9::timestamptz[])
           AS f (id, kind, version, body, source, partition, number, origin, learned_at)
    ON CONFLICT (id) DO UPDATE
       SET kind = excluded.kind, version = excluded.version, body = excluded.body,
           source = excluded.source, partition = excluded.partition, number = excluded.number,
           origin = excluded.origin, learned_at = excluded.learned_at
     WHERE fact.version < excluded.version
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
    ids = sorted({event.subject for event in events})
    stored = await lock_many(conn, ids, contract)
    known: dict[UUID, F] = {kept.id: kept.fact for kept in stored}
    changes: list[Change[F]] = []
    for event in events:
        content = event.content
        before = known.get(event.subject)
        if not isinstance(content, contract):
            continue
        if before is None or before.version < content.version:
            changes.append(Change(event, before, content))
            known[event.subject] = content
    await _save(conn, {change.event.subject: change for change in changes})
    return changes


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


async def _save(conn: Connection, latest: Mapping[UUID, Change[F]]) -> None:
    if not latest:
        return
    events = [change.event for change in latest.values()]
    await conn.execute(
        _SAVE,
        [event.subject for event in events],
        [event.type for event in events],
        [event.version for event in events],
        [event.data for event in events],
        [event.source for event in events],
        [event.partition for event in events],
        [event.number for event in events],
        [event.origin.value for event in events],
        [event.time for event in events],
    )
