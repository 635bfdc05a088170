"""Reading the audit trail: rows in the order of their numbers, and the blocks that hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.audit.model import Block
from shared.db import Connection

_ROWS: Final[LiteralString] = """
    SELECT number, digest, form, at, actor, client, roles, method, route, reason, noun, action,
           subject, version, before, after, correlation_id, trace_id, origin
      FROM audit_row
     WHERE number > $1
       AND ($3::text IS NULL OR subject = $3)
       AND ($4::text IS NULL OR actor = $4)
       AND ($5::text IS NULL OR noun = $5)
       AND ($6::timestamptz IS NULL OR at >= $6)
       AND ($7::timestamptz IS NULL OR at < $7)
     ORDER BY number
     LIMIT $2
"""
_BLOCKS: Final[LiteralString] = """
    SELECT number, first, last, sealed_at, previous, hash
      FROM audit_block
     WHERE number > $1
     ORDER BY number
     LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A sealed row; ``before`` and ``after`` are JSON."""

    number: int
    digest: bytes
    form: int
    at: datetime
    actor: str
    client: str
    roles: Sequence[str]
    method: str
    route: str
    reason: str | None
    noun: str
    action: str
    subject: str
    version: int | None
    before: str | None
    after: str | None
    correlation_id: UUID
    trace_id: str | None
    origin: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are meant; what is None leaves all. ``until`` is not counted."""

    subject: str | None = None
    actor: str | None = None
    noun: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def listed(conn: Connection, wanted: Wanted, after: int, limit: int) -> Sequence[Row]:
    """Return the rows behind a number that are wanted, in order."""
    rows = await conn.fetch(
        _ROWS,
        after,
        limit,
        wanted.subject,
        wanted.actor,
        wanted.noun,
        wanted.since,
        wanted.until,
    )
    return [Row(**dict(row)) for row in rows]


async def blocks(conn: Connection, after: int, limit: int) -> Sequence[Block]:
    """Return the blocks behind a number, in order."""
    return [Block(**dict(row)) for row in await conn.fetch(_BLOCKS, after, limit)]
