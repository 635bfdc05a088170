"""Reading import jobs and what became of their rows."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

import orjson

from shared.context import Origin
from shared.db import Connection, Row
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.jobs.model import Job, Outcome, RowResult, State
from shared.jobs.store import ASIDE, WHOLE, to_cells, to_job
from shared.lists.listing import Listing

_ONE: Final[LiteralString] = WHOLE + "     WHERE id = $1"
_ROWS: Final[LiteralString] = """
    SELECT number, outcome, key, subject, version, problems
      FROM import_row
     WHERE job_id = $1 AND number > $2
     ORDER BY number
     LIMIT $3
"""
_ROWS_OF: Final[LiteralString] = """
    SELECT number, outcome, key, subject, version, problems
      FROM import_row
     WHERE job_id = $1 AND number > $2 AND outcome = $4
     ORDER BY number
     LIMIT $3
"""
_RECEIVED: Final[LiteralString] = """
    SELECT number, length(content) AS size FROM import_chunk WHERE job_id = $1 ORDER BY number
"""
_OPEN_JOBS: Final[LiteralString] = """
    SELECT count(*)
      FROM import_job
     WHERE subject = $1 AND state NOT IN ('done', 'failed', 'cancelled')
"""
_UNFINISHED: Final[LiteralString] = """
    SELECT count(*)
      FROM import_job
     WHERE state IN ('queued', 'validating', 'running', 'waiting')
"""
_DIGEST: Final[LiteralString] = """
    SELECT digest FROM import_job WHERE id = $1
"""


JOBS: Final = Listing(
    select=WHOLE,
    of=to_job,
    fields={
        "id": Field(Kind.ID, "j.id", sorts=True),
        "noun": Field(Kind.TEXT, "j.noun"),
        "state": Field(Kind.CHOICE, "j.state", choices=tuple(State)),
        "dry_run": Field(Kind.BOOLEAN, "j.dry_run"),
        "origin": Field(Kind.CHOICE, "j.origin", choices=tuple(Origin)),
        "profile": Field(Kind.TEXT, "j.profile", nullable=True),
        "created_by": Field(Kind.TEXT, "j.subject"),
        "created_at": Field(Kind.INSTANT, "j.created_at", sorts=True),
        "finished_at": Field(Kind.INSTANT, "j.finished_at", nullable=True),
    },
)


class OperationNotFound(NotFound):
    """There is no such operation, or it is not the caller's to see."""

    en = "There is no operation {operation_id}."
    zh = "不存在操作 {operation_id}。"


async def one(conn: Connection, job_id: UUID, subject: str | None) -> Job:
    """Return a job of somebody, anybody's for None; raises OperationNotFound."""
    row = await conn.fetchrow(_ONE, job_id)
    if row is None or (subject is not None and row["subject"] != subject):
        raise OperationNotFound(operation_id=job_id)
    return to_job(row)


async def refused(conn: Connection, job_id: UUID, after: int, limit: int) -> Sequence[RowResult]:
    """Return the next refused rows with their cells, until they are many or long."""
    found = await conn.fetch(ASIDE, job_id, after, limit, Outcome.REFUSED.value)
    return [_result(row) for row in found]


async def rows(
    conn: Connection, job_id: UUID, after: int, outcome: Outcome | None, limit: int
) -> Sequence[RowResult]:
    """Return what became of rows, by their number in the file; without their cells."""
    if outcome is None:
        found = await conn.fetch(_ROWS, job_id, after, limit)
    else:
        found = await conn.fetch(_ROWS_OF, job_id, after, limit, outcome.value)
    return [_result(row) for row in found]


def _result(row: Row) -> RowResult:
    cells = row.get("cells")
    return RowResult(
        number=row["number"],
        outcome=Outcome(row["outcome"]),
        key=row["key"],
        subject=row["subject"],
        version=row["version"],
        cells=None if cells is None else to_cells(cells),
        problems=() if row["problems"] is None else orjson.loads(row["problems"]),
    )


async def received(conn: Connection, job_id: UUID) -> Sequence[tuple[int, int]]:
    """Return the pieces of a file that have come: number and size."""
    return [(row["number"], row["size"]) for row in await conn.fetch(_RECEIVED, job_id)]


async def open_jobs(conn: Connection, subject: str) -> int:
    """Return how many jobs of somebody have not ended."""
    count: int = await conn.fetchval(_OPEN_JOBS, subject)
    return count


async def unfinished(conn: Connection) -> int:
    """Return how many jobs of anybody are under way."""
    count: int = await conn.fetchval(_UNFINISHED)
    return count


async def digest(conn: Connection, job_id: UUID) -> bytes | None:
    """Return the hash of what was uploaded, None before it was whole."""
    found: bytes | None = await conn.fetchval(_DIGEST, job_id)
    return found
