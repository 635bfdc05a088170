"""The audit trail in the database: rows that wait, and how they are sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from shared.audit.model import Block, Head, start_of
from shared.db import Connection
from shared.events.lease import Lease

PART: Final = 1_000_000
"""How many rows a table of the trail holds."""

_WAITING: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM audit_pending)
"""
# Taken by a range of ids, as the outbox is. Who does not hold the lease takes nothing.
_TAKE: Final[LiteralString] = """
    WITH last AS MATERIALIZED (
        SELECT max(id) AS id
          FROM (SELECT id FROM audit_pending ORDER BY id LIMIT $4) AS pending),
    held AS MATERIALIZED (
        SELECT name
          FROM lease
         WHERE name = $1 AND holder = $2 AND fence = $3
           AND (SELECT id FROM last) IS NOT NULL
           FOR UPDATE),
    taken AS (
        DELETE FROM audit_pending AS p
         USING last, held
         WHERE p.id <= last.id
        RETURNING p.id, p.digest, p.content)
    SELECT digest, content, clock_timestamp() AS taken_at FROM taken ORDER BY id
"""
_HEAD: Final[LiteralString] = """
    SELECT block, number, hash FROM audit_head WHERE id = 1 FOR UPDATE
"""
_SEAL: Final[LiteralString] = """
    WITH sealed AS (
        INSERT INTO audit_block (number, first, last, sealed_at, previous, hash)
        VALUES ($1, $2, $3, $4, $5, $6)),
    moved AS (
        UPDATE audit_head SET block = $1, number = $3, hash = $6 WHERE id = 1)
    INSERT INTO audit_row (
        number, digest, form, at, actor, client, roles, method, route, reason, noun, action,
        subject, version, before, after, correlation_id, trace_id, origin)
    SELECT t.number, t.digest, c.form, c.at, c.actor, c.client, c.roles, c.method, c.route,
           c.reason, c.noun, c.action, c.subject, c.version, c.before, c.after,
           c.correlation_id, c.trace_id, c.origin
      FROM unnest($7::bigint[], $8::bytea[], $9::json[]) AS t (number, digest, content)
     CROSS JOIN LATERAL json_to_record(t.content) AS c (
        form smallint, at timestamptz, actor text, client text, roles text[], method text,
        route text, reason text, noun text, action text, subject text, version bigint,
        before json, after json, correlation_id uuid, trace_id text, origin text)
"""
_MAKE_PART: Final[LiteralString] = """
    SELECT make_audit_part($1::bigint)
"""
_HEAD_NUMBER: Final[LiteralString] = """
    SELECT number FROM audit_head WHERE id = 1
"""


class HeadMissing(Exception):
    """The row that holds the end of the trail is gone; `pharos audit verify` says what is left."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A row that waits to be sealed, and when it was taken for that."""

    digest: bytes
    content: str
    taken_at: datetime


async def waiting(conn: Connection) -> bool:
    """Tell whether any row waits."""
    found: bool = await conn.fetchval(_WAITING)
    return found


async def take(conn: Connection, lease: Lease, limit: int) -> Sequence[Pending]:
    """Take rows off the waiting list, in the order in which they were written; none without lease.

    Nobody else can hold the lease before the caller's transaction ends.
    """
    rows = await conn.fetch(_TAKE, lease.name, lease.holder, lease.fence, limit)
    return [Pending(row["digest"], row["content"], row["taken_at"]) for row in rows]


async def lock_head(conn: Connection, service: str) -> Head:
    """Return the end of the trail, locked; raises HeadMissing."""
    row = await conn.fetchrow(_HEAD)
    if row is None:
        raise HeadMissing
    return Head(row["block"], row["number"], row["hash"] or start_of(service))


async def seal(conn: Connection, block: Block, pending: Sequence[Pending]) -> None:
    """Write a block and its rows, and move the end of the trail behind them."""
    await conn.execute(
        _SEAL,
        block.number,
        block.first,
        block.last,
        block.sealed_at,
        block.previous,
        block.hash,
        list(range(block.first, block.last + 1)),
        [one.digest for one in pending],
        [one.content for one in pending],
    )


async def make_room(conn: Connection, number: int) -> None:
    """Make the table in which this row stands, and the next one."""
    await conn.execute(_MAKE_PART, number)
    await conn.execute(_MAKE_PART, number + PART)


async def last_number(conn: Connection) -> int:
    """Return the number of the last row, 0 where there is none."""
    return await conn.fetchval(_HEAD_NUMBER) or 0
