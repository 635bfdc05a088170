"""Attainment in the database: an append-only ledger and its running totals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, LiteralString
from uuid import UUID

from services.targets.attainment.model import Amount, Entry, Key, Moved, Place, Posting
from shared.db import Connection, Row, columns

_POSTED: Final[LiteralString] = """
    SELECT fact_id, attainment_id, sum(amount) AS amount, sum(deals)::bigint AS deals
      FROM attainment_entry
     WHERE fact_id = ANY($1::uuid[])
     GROUP BY fact_id, attainment_id
    HAVING sum(amount) <> 0 OR sum(deals) <> 0
"""
# What a cause says of itself is sent once, not with each of its entries.
_APPEND: Final[LiteralString] = """
    INSERT INTO attainment_entry (
        attainment_id, cause_id, fact_id, fact_version, amount, deals, source, partition, number,
        posted_at)
    SELECT e.attainment_id, c.cause_id, c.fact_id, c.fact_version, e.amount, e.deals, c.source,
           c.partition, c.number, $11
      FROM unnest($1::uuid[], $2::integer[], $3::numeric[], $4::smallint[])
           AS e (attainment_id, cause, amount, deals)
      JOIN unnest($5::uuid[], $6::uuid[], $7::bigint[], $8::text[], $9::smallint[], $10::bigint[])
           WITH ORDINALITY
           AS c (cause_id, fact_id, fact_version, source, partition, number, cause)
        ON c.cause = e.cause
"""
_POST: Final[LiteralString] = (
    "WITH appended AS ("
    + _APPEND
    + """)
    UPDATE attainment AS a
       SET actual = a.actual + added.amount,
           deals = a.deals + added.deals,
           version = a.version + 1
      FROM unnest($12::uuid[], $13::smallint[], $14::numeric[], $15::bigint[])
           AS added (id, partition, amount, deals)
     WHERE a.id = added.id AND a.partition = added.partition
    RETURNING a.id, a.partition, a.actual, a.version
"""
)
_ADD: Final[LiteralString] = """
    UPDATE attainment AS a
       SET actual = a.actual + added.amount,
           deals = a.deals + added.deals,
           version = a.version + 1
      FROM unnest($1::uuid[], $2::smallint[], $3::numeric[], $4::bigint[])
           AS added (id, partition, amount, deals)
     WHERE a.id = added.id AND a.partition = added.partition
    RETURNING a.id, a.partition, a.actual, a.version
"""
_OPEN: Final[LiteralString] = """
    INSERT INTO attainment (
        id, partition, scope, scope_id, metric, period, starts, ends, currency, actual, deals,
        version)
    SELECT k.id, k.partition, k.scope, k.scope_id, k.metric, k.period, k.starts, k.ends,
           k.currency, 0, 0, 0
      FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[], $5::text[], $6::text[],
                  $7::date[], $8::date[], $9::text[])
           AS k (id, partition, scope, scope_id, metric, period, starts, ends, currency)
     ORDER BY k.id, k.partition
    ON CONFLICT (id, partition) DO NOTHING
"""
_LOCK: Final[LiteralString] = """
    SELECT id, partition, actual, version
      FROM attainment
     WHERE id = ANY($1::uuid[])
     ORDER BY id, partition
       FOR UPDATE
"""
_REORGANISE: Final[LiteralString] = """
    INSERT INTO reorganisation (attainment_id, expanded_to)
    SELECT DISTINCT id, '00000000-0000-0000-0000-000000000000'::uuid
      FROM attainment
     WHERE scope_id = $1 AND ends > $2
    ON CONFLICT (attainment_id) DO UPDATE SET expanded_to = excluded.expanded_to
"""
_REORGANISED: Final[LiteralString] = """
    SELECT attainment_id, expanded_to
      FROM reorganisation
     ORDER BY attainment_id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
"""
_STRETCH: Final[LiteralString] = """
    SELECT cause_id, fact_id
      FROM attainment_entry
     WHERE attainment_id = $1 AND cause_id > $2
     ORDER BY cause_id
     LIMIT $3
"""
_WAITING: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM repost) OR EXISTS (SELECT FROM reorganisation)
"""
_MARK: Final[LiteralString] = """
    INSERT INTO repost (fact_id)
    SELECT DISTINCT marked.fact_id
      FROM unnest($1::uuid[]) AS marked (fact_id)
     ORDER BY marked.fact_id
    ON CONFLICT (fact_id) DO NOTHING
"""
_EXPANDED: Final[LiteralString] = """
    UPDATE reorganisation SET expanded_to = $2 WHERE attainment_id = $1
"""
_EXPANDED_WHOLLY: Final[LiteralString] = """
    DELETE FROM reorganisation WHERE attainment_id = $1
"""
_TAKE_MARKS: Final[LiteralString] = """
    DELETE FROM repost
     WHERE fact_id IN (SELECT fact_id FROM repost LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING fact_id
"""
_CLEAR_LEDGER: Final[LiteralString] = """
    DELETE FROM attainment_entry
"""
# The version counts on: who keeps a total at its highest version must hear of the new ones.
_CLEAR_TOTALS: Final[LiteralString] = """
    UPDATE attainment SET actual = 0, deals = 0, version = version + 1
"""
_CLEAR_MARKS: Final[LiteralString] = """
    DELETE FROM repost
"""
_CLEAR_REORGANISATIONS: Final[LiteralString] = """
    DELETE FROM reorganisation
"""


async def clear(conn: Connection) -> None:
    """Empty the ledger, its totals and what waits to be posted again."""
    await conn.execute(_CLEAR_LEDGER)
    await conn.execute(_CLEAR_TOTALS)
    await conn.execute(_CLEAR_MARKS)
    await conn.execute(_CLEAR_REORGANISATIONS)


async def posted_many(conn: Connection, facts: Iterable[UUID]) -> Mapping[UUID, dict[UUID, Amount]]:
    """Return what the ledger says of each fact: attainment → amount, zeros left out."""
    found: defaultdict[UUID, dict[UUID, Amount]] = defaultdict(dict)
    wanted = list(facts)
    if wanted:
        for row in await conn.fetch(_POSTED, wanted):
            amount = Amount(row["amount"], row["deals"])
            found[row["fact_id"]][row["attainment_id"]] = amount
    return found


async def post_many(
    conn: Connection, entries: Sequence[Entry], amounts: Mapping[Place, Amount], now: datetime
) -> Sequence[Moved]:
    """Append entries to the ledger and add to the running totals, in one statement.

    The entries of a posting stand together. Returns the totals that were there to add to.
    """
    causes: list[tuple[object, ...]] = []
    lines: list[tuple[object, ...]] = []
    last = None
    for attainment_id, posting, amount in entries:
        if posting is not last:
            last = posting
            causes.append(_cause(posting))
        lines.append((attainment_id, len(causes), *amount))
    rows = await conn.fetch(
        _POST, *columns(lines, 4), *columns(causes, 6), now, *columns(_totals(amounts), 4)
    )
    return [to_moved(row) for row in rows]


def _totals(amounts: Mapping[Place, Amount]) -> list[tuple[object, ...]]:
    return [(*place, *amount) for place, amount in sorted(amounts.items())]


def _cause(posting: Posting) -> tuple[object, ...]:
    return (
        posting.cause_id,
        posting.fact_id,
        posting.fact_version,
        posting.source,
        posting.partition,
        posting.number,
    )


async def add_many(conn: Connection, amounts: Mapping[Place, Amount]) -> Sequence[Moved]:
    """Add amounts to the running totals; return those that were there to add to."""
    return [to_moved(row) for row in await conn.fetch(_ADD, *columns(_totals(amounts), 4))]


async def open_many(conn: Connection, wanted: Sequence[tuple[Key, int]]) -> None:
    """Make the totals of these keys and partitions where they are not there yet."""
    rows = [
        (
            key.id,
            partition,
            key.scope.value,
            key.scope_id,
            key.metric.value,
            key.period.name,
            key.period.period.start,
            key.period.period.end,
            key.currency,
        )
        for key, partition in wanted
    ]
    await conn.execute(_OPEN, *columns(rows, 9))


async def lock_many(conn: Connection, ids: Sequence[UUID]) -> Sequence[Moved]:
    """Return the totals of these attainments, locked."""
    return [to_moved(row) for row in await conn.fetch(_LOCK, ids)]


async def mark_scope(conn: Connection, scope_id: UUID, since: date) -> None:
    """Mark what was posted to a scope in periods that end after a day, for `expand_marks`."""
    await conn.execute(_REORGANISE, scope_id, since)


async def expand_marks(conn: Connection, limit: int) -> bool:
    """Mark the facts behind the next entries of a marked attainment; False when none is marked.

    Whatever is posted meanwhile knows the changed organisation and need not be found.
    """
    row = await conn.fetchrow(_REORGANISED)
    if row is None:
        return False
    attainment_id = row["attainment_id"]
    found = await conn.fetch(_STRETCH, attainment_id, row["expanded_to"], limit)
    await conn.execute(_MARK, [entry["fact_id"] for entry in found])
    if len(found) < limit:
        await conn.execute(_EXPANDED_WHOLLY, attainment_id)
    else:
        await conn.execute(_EXPANDED, attainment_id, found[-1]["cause_id"])
    return True


async def any_marked(conn: Connection) -> bool:
    """Tell whether anything waits to be posted again; writes and locks nothing."""
    return bool(await conn.fetchval(_WAITING))


async def take_marks(conn: Connection, limit: int) -> Sequence[UUID]:
    """Take marked facts away to post them again in the caller's transaction."""
    return [row["fact_id"] for row in await conn.fetch(_TAKE_MARKS, limit)]


def to_moved(row: Row) -> Moved:
    """Return a row of a running total."""
    return Moved(Place(row["id"], row["partition"]), row["actual"], row["version"])
