"""Incentives in the database: heads, the ledger of their differences, and what waits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, LiteralString
from uuid import UUID

from pydantic import TypeAdapter

from services.performance.incentives.model import Entry, Head, Incentive, Key, Mark, PayeePeriod
from shared.db import Connection, Row, columns
from shared.events import outbox

TRACE: Final = TypeAdapter(Incentive)
"""An incentive with its whole explanation as JSON and back; every number in it is text."""

_NEW_LOCKS: Final[LiteralString] = """
    INSERT INTO payee_lock (payee_id)
    SELECT p.payee_id FROM unnest($1::uuid[]) AS p (payee_id)
    ON CONFLICT (payee_id) DO NOTHING
"""
_LOCK: Final[LiteralString] = """
    SELECT payee_id FROM payee_lock WHERE payee_id = ANY($1::uuid[]) ORDER BY payee_id FOR UPDATE
"""
_HEADS: Final[LiteralString] = """
    SELECT i.payee_id, i.period, i.plan_id, i.component, i.plan_version, i.version, i.trace
      FROM unnest($1::uuid[], $2::text[]) AS w (payee_id, period)
      JOIN incentive AS i ON i.payee_id = w.payee_id AND i.period = w.period
     ORDER BY i.payee_id, i.period, i.plan_id, i.component
"""
_OWNERS: Final[LiteralString] = """
    SELECT DISTINCT payee_id, period FROM incentive WHERE payee_id = ANY($1::uuid[])
"""
_POST: Final[LiteralString] = (
    outbox.APPENDING
    + """, posted AS (
    INSERT INTO incentive_entry (
        id, payee_id, period, plan_id, component, plan_version, tier, amount, currency,
        cause_source, cause_partition, cause_first, cause_last, correlation_id, posted_at)
    SELECT e.id, e.payee_id, e.period, e.plan_id, e.component, e.plan_version, e.tier, e.amount,
           e.currency, e.cause_source, e.cause_partition, e.cause_first, e.cause_last,
           e.correlation_id, e.posted_at
      FROM unnest($11::uuid[], $12::uuid[], $13::text[], $14::uuid[], $15::text[],
                  $16::bigint[], $17::smallint[], $18::numeric[], $19::text[], $20::text[],
                  $21::smallint[], $22::bigint[], $23::bigint[], $24::uuid[],
                  $25::timestamptz[])
           WITH ORDINALITY
           AS e (id, payee_id, period, plan_id, component, plan_version, tier, amount, currency,
                 cause_source, cause_partition, cause_first, cause_last, correlation_id,
                 posted_at, place)
     ORDER BY e.place
    )
    INSERT INTO incentive (
        payee_id, period, plan_id, component, plan_version, version, amount, currency, trace)
    SELECT i.payee_id, i.period, i.plan_id, i.component, i.plan_version, i.version, i.amount,
           i.currency, i.trace
      FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::bigint[],
                  $8::numeric[], $9::text[], $10::jsonb[])
           AS i (payee_id, period, plan_id, component, plan_version, version, amount, currency,
                 trace)
    ON CONFLICT (payee_id, period, plan_id, component) DO UPDATE
       SET plan_version = excluded.plan_version, version = excluded.version,
           amount = excluded.amount, currency = excluded.currency, trace = excluded.trace
"""
)
# A payee who is already marked is worked out from the earlier day, for the last cause; but what
# happened live is told as live, whatever imported history comes after. A new cause is a new try.
_MARK: Final[LiteralString] = """
    INSERT INTO recalculation AS r (payee_id, since, correlation_id, origin)
    SELECT m.payee_id, m.since, m.correlation_id, m.origin
      FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::text[])
           AS m (payee_id, since, correlation_id, origin)
    ON CONFLICT (payee_id) DO UPDATE
       SET since = least(r.since, excluded.since),
           correlation_id = CASE WHEN r.origin = 'live' AND excluded.origin <> 'live'
                                 THEN r.correlation_id ELSE excluded.correlation_id END,
           origin = CASE WHEN r.origin = 'live' THEN r.origin ELSE excluded.origin END,
           failed_at = NULL,
           reason = NULL
"""
_TAKE_MARKS: Final[LiteralString] = """
    DELETE FROM recalculation
     WHERE payee_id = ANY(ARRAY(
        SELECT payee_id
          FROM recalculation
         WHERE failed_at IS NULL AND ($2::uuid IS NULL OR payee_id = $2)
         ORDER BY payee_id
         LIMIT $1
           FOR UPDATE SKIP LOCKED))
    RETURNING payee_id, since, correlation_id, origin
"""
_RETRY: Final[LiteralString] = """
    UPDATE recalculation
       SET failed_at = NULL, reason = NULL
     WHERE payee_id = $1 AND failed_at IS NOT NULL
    RETURNING since
"""
_SET_ASIDE: Final[LiteralString] = """
    UPDATE recalculation AS r
       SET failed_at = $1, reason = $2
      FROM unnest($3::uuid[], $4::date[], $5::uuid[], $6::text[])
           AS m (payee_id, since, correlation_id, origin)
     WHERE r.payee_id = m.payee_id AND r.correlation_id = m.correlation_id AND r.since = m.since
"""


async def lock_many(conn: Connection, ids: Iterable[UUID]) -> None:
    """Lock payees, or units, in the order of their ids, until the caller's transaction ends.

    Whoever changed something that pay depends on locks after the change and reads after the lock;
    so, statements seeing what was committed before them, the last one to lock sees it all. Units
    are locked before marks are written, and both before payees, so that nobody waits in a ring.
    """
    ids = sorted(set(ids))
    locked = await conn.fetch(_LOCK, ids)
    if len(locked) < len(ids):  # some are new, which happens once for each
        await conn.execute(_NEW_LOCKS, ids)
        await conn.execute(_LOCK, ids)


async def heads(conn: Connection, owners: Iterable[PayeePeriod]) -> Sequence[Head]:
    """Return the incentives of these payees and periods as they stand."""
    return [_to_head(row) for row in await conn.fetch(_HEADS, *columns(list(owners), 2))]


async def owners(conn: Connection, payee_ids: Iterable[UUID]) -> set[PayeePeriod]:
    """Return in which periods these payees have incentives."""
    return {PayeePeriod(**dict(row)) for row in await conn.fetch(_OWNERS, list(payee_ids))}


async def post(
    conn: Connection, changed: Sequence[Head], entries: Sequence[Entry], events: str
) -> None:
    """Write incentives, the entries that brought them here, and the events, in one statement."""
    await conn.execute(
        _POST,
        events,
        *columns([_head_row(head) for head in changed], 9),
        *columns([_entry_row(entry) for entry in entries], 15),
    )


async def mark(conn: Connection, marks: Iterable[Mark]) -> None:
    """Mark payees to be worked out again."""
    await conn.execute(_MARK, *_mark_columns(marks))


async def take_marks(
    conn: Connection, limit: int, payee_id: UUID | None = None
) -> Mapping[UUID, Mark]:
    """Take marks away, by payee, to work them off in the caller's transaction.

    Marks that somebody else has taken, or that are set aside, are left out.
    """
    rows = await conn.fetch(_TAKE_MARKS, limit, payee_id)
    return {row["payee_id"]: Mark(**dict(row)) for row in rows}


async def set_aside(conn: Connection, marks: Iterable[Mark], now: datetime, reason: str) -> None:
    """Keep marks that could not be worked off, with the reason, until their payees get new ones."""
    await conn.execute(_SET_ASIDE, now, reason, *_mark_columns(marks))


async def retry(conn: Connection, payee_id: UUID) -> date | None:
    """Take up again a mark that was set aside; return its day, None where none is."""
    since: date | None = await conn.fetchval(_RETRY, payee_id)
    return since


def _mark_columns(marks: Iterable[Mark]) -> tuple[list[object], ...]:
    rows = [
        (mark.payee_id, mark.since, mark.correlation_id, mark.origin)
        for mark in sorted(marks, key=lambda mark: mark.payee_id)
    ]
    return columns(rows, 4)


def _to_head(row: Row) -> Head:
    key = Key(row["payee_id"], row["period"], row["plan_id"], row["component"])
    return Head(key, row["plan_version"], row["version"], TRACE.validate_json(row["trace"]))


def _head_row(head: Head) -> tuple[object, ...]:
    amount = head.incentive.amount
    trace = TRACE.dump_json(head.incentive).decode()
    return (
        *head.key,
        head.plan_version,
        head.version,
        amount.amount,
        amount.currency,
        trace,
    )


def _entry_row(entry: Entry) -> tuple[object, ...]:
    cause = entry.cause
    return (
        entry.id,
        *entry.key,
        entry.plan_version,
        entry.tier,
        entry.amount.amount,
        entry.amount.currency,
        cause.source,
        cause.partition,
        cause.first,
        cause.last,
        entry.correlation_id,
        entry.posted_at,
    )
