"""Import jobs in the database: what changes them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson

from shared.context import Origin
from shared.db import Connection, Row, columns
from shared.jobs.model import Asker, Job, Outcome, Place, RawRow, RowResult, State, Wanted
from shared.tables.model import Cell

WHOLE: Final[LiteralString] = """
    SELECT id, subject, client, roles, member_id, noun, origin, dry_run, file, profile, source,
           reason, state, size, chunks, mapping, header, reading, total, round, at_row, settled,
           last_round,
           created, updated, unchanged, refused, waiting, heads, problem, attempts, created_at,
           started_at, finished_at
      FROM import_job AS j
"""
_INSERT: Final[LiteralString] = """
    INSERT INTO import_job (
        id, subject, client, roles, member_id, noun, origin, dry_run, file, profile, source, reason,
        state, turn_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'uploading', $13, $13)
"""
_ONE: Final[LiteralString] = WHOLE + "     WHERE id = $1"
_LOCK: Final[LiteralString] = WHOLE + "     WHERE id = $1 FOR UPDATE"
# A holder in the middle of a batch has the row locked, whatever its time says.
_CLAIM: Final[LiteralString] = """
    UPDATE import_job
       SET holder = $1, held_until = clock_timestamp() + make_interval(secs => $2),
           turn_at = clock_timestamp(), attempts = attempts + 1
     WHERE id = (
        SELECT id
          FROM import_job
         WHERE state IN ('queued', 'validating', 'running', 'waiting')
           AND (holder = $1 OR held_until IS NULL OR held_until < clock_timestamp())
           AND turn_at <= clock_timestamp()
         ORDER BY turn_at
         LIMIT 1
           FOR UPDATE SKIP LOCKED)
    RETURNING id, subject, client, roles, member_id, noun, origin, dry_run, file, profile, source,
           reason, state, size, chunks, mapping, header, reading, total, round, at_row, settled,
           last_round,
           created, updated, unchanged, refused, waiting, heads, problem, attempts, created_at,
           started_at, finished_at
"""
_KEEP: Final[LiteralString] = """
    UPDATE import_job
       SET held_until = clock_timestamp() + make_interval(secs => $3)
     WHERE id = (
        SELECT id FROM import_job WHERE id = $1 AND holder = $2 FOR UPDATE SKIP LOCKED)
"""
_LATER: Final[LiteralString] = """
    UPDATE import_job
       SET turn_at = clock_timestamp() + make_interval(secs => $2), attempts = 0
     WHERE id = $1
"""
_UPLOADED: Final[LiteralString] = """
    UPDATE import_job
       SET state = 'queued', size = $2, chunks = $3, digest = $4
     WHERE id = $1 AND state = 'uploading'
    RETURNING true
"""
_PUT_CHUNK: Final[LiteralString] = """
    INSERT INTO import_chunk (job_id, number, content)
    SELECT id, $2, $3 FROM import_job WHERE id = $1 AND state = 'uploading'
    ON CONFLICT (job_id, number) DO UPDATE SET content = excluded.content
    RETURNING true
"""
_CUT_CHUNKS: Final[LiteralString] = """
    DELETE FROM import_chunk WHERE job_id = $1 AND number >= $2
"""
_OPENED: Final[LiteralString] = """
    UPDATE import_job
       SET state = 'validating', mapping = $2, header = $3, reading = $4, started_at = $5,
           attempts = 0
     WHERE id = $1 AND state = 'queued'
"""
_VALIDATED: Final[LiteralString] = """
    UPDATE import_job
       SET state = 'running', total = $2, attempts = 0
     WHERE id = $1 AND state = 'validating'
"""
_AWAIT_HEADS: Final[LiteralString] = """
    UPDATE import_job SET heads = $2 WHERE id = $1
"""
_ADVANCE: Final[LiteralString] = """
    UPDATE import_job
       SET state = $2, round = $3, at_row = $4, settled = $5, last_round = $6,
           created = created + $7, updated = updated + $8, unchanged = unchanged + $9,
           refused = refused + $10, waiting = waiting + $11, attempts = 0,
           held_until = clock_timestamp() + make_interval(secs => $12)
     WHERE id = $1
"""
_END: Final[LiteralString] = """
    UPDATE import_job
       SET state = $2, finished_at = $3, problem = $4, holder = NULL, held_until = NULL
     WHERE id = $1 AND state NOT IN ('done', 'failed', 'cancelled')
    RETURNING true
"""
_SAVE_ROWS: Final[LiteralString] = """
    INSERT INTO import_row (job_id, number, outcome, key, subject, version, cells, problems)
    SELECT $1, r.number, r.outcome, r.key, r.subject, r.version, r.cells, r.problems
      FROM unnest($2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::jsonb[],
                  $8::jsonb[])
           AS r (number, outcome, key, subject, version, cells, problems)
    ON CONFLICT (job_id, number) DO UPDATE
       SET outcome = excluded.outcome, key = excluded.key, subject = excluded.subject,
           version = excluded.version, cells = excluded.cells, problems = excluded.problems
"""
_HOLDERS_OF_KEYS: Final[LiteralString] = """
    SELECT key, number FROM import_row WHERE job_id = $1 AND key = ANY($2::text[])
"""
# Rows that were put aside keep their cells. A hostile file has long ones, so it is not only their
# number that is bounded.
ASIDE: Final[LiteralString] = """
    SELECT number, outcome, key, subject, version, cells, problems
      FROM (
        SELECT number, outcome, key, subject, version, cells, problems, octet_length(cells::text)
               - sum(octet_length(cells::text)) OVER (ORDER BY number) AS room
          FROM (
            SELECT number, outcome, key, subject, version, cells, problems
              FROM import_row
             WHERE job_id = $1 AND number > $2 AND outcome = $4
             ORDER BY number
             LIMIT $3) AS page) AS sized
     WHERE room >= -8000000
     ORDER BY number
"""
"""The next rows of an outcome that keeps cells, until they are many or long; at least one."""
_CHUNK: Final[LiteralString] = """
    SELECT content FROM import_chunk WHERE job_id = $1 AND number = $2
"""


async def insert(
    conn: Connection, job_id: UUID, asker: Asker, wanted: Wanted, now: datetime
) -> None:
    """Make a job that waits for its file."""
    await conn.execute(
        _INSERT,
        job_id,
        asker.subject,
        asker.client,
        list(asker.roles),
        asker.member_id,
        wanted.noun,
        wanted.origin.value,
        wanted.dry_run,
        _json(wanted.file),
        wanted.profile,
        wanted.source,
        wanted.reason,
        now,
    )


async def one(conn: Connection, job_id: UUID) -> Job | None:
    """Return a job, None when there is none."""
    row = await conn.fetchrow(_ONE, job_id)
    return None if row is None else to_job(row)


async def lock(conn: Connection, job_id: UUID) -> Job | None:
    """Return a job, locked, None when there is none."""
    row = await conn.fetchrow(_LOCK, job_id)
    return None if row is None else to_job(row)


async def claim(conn: Connection, holder: UUID, seconds: float) -> Job | None:
    """Take the job whose turn it is for so long, None when there is nothing to do."""
    row = await conn.fetchrow(_CLAIM, holder, seconds)
    return None if row is None else to_job(row)


async def keep(conn: Connection, job_id: UUID, holder: UUID, seconds: float) -> None:
    """Keep a job for so long again; one in the middle of a batch is kept by its lock."""
    await conn.execute(_KEEP, job_id, holder, seconds)


async def put_off(conn: Connection, job_id: UUID, seconds: float) -> None:
    """Let a job be looked at again after so many seconds."""
    await conn.execute(_LATER, job_id, seconds)


async def put_chunk(conn: Connection, job_id: UUID, number: int, content: bytes) -> bool:
    """Keep a piece of the file in place of an earlier one; False when no more are taken."""
    return bool(await conn.fetchval(_PUT_CHUNK, job_id, number, content))


async def uploaded(conn: Connection, job_id: UUID, size: int, chunks: int, digest: bytes) -> bool:
    """Let a job whose file is whole begin; False when it was begun before."""
    if not await conn.fetchval(_UPLOADED, job_id, size, chunks, digest):
        return False
    await conn.execute(_CUT_CHUNKS, job_id, chunks)
    return True


async def chunk(conn: Connection, job_id: UUID, number: int) -> bytes | None:
    """Return a piece of the file."""
    content: bytes | None = await conn.fetchval(_CHUNK, job_id, number)
    return content


async def opened(
    conn: Connection,
    job_id: UUID,
    mapping: Mapping[str, Any],
    header: Sequence[str],
    reading: Mapping[str, Any],
    now: datetime,
) -> None:
    """Remember how the file is read, and let it be validated."""
    await conn.execute(_OPENED, job_id, _json(mapping), list(header), _json(reading), now)


async def validated(conn: Connection, job_id: UUID, total: int) -> None:
    """Remember how many rows there are, and let the job run."""
    await conn.execute(_VALIDATED, job_id, total)


async def await_heads(conn: Connection, job_id: UUID, heads: Sequence[int]) -> None:
    """Remember how far the copy must come before rows that wait are tried again."""
    await conn.execute(_AWAIT_HEADS, job_id, list(heads))


async def advance(
    conn: Connection,
    job_id: UUID,
    state: State,
    place: Place,
    more: Mapping[Outcome, int],
    seconds: float,
) -> None:
    """Move a locked job on; ``more`` is what each count grows by."""
    await conn.execute(
        _ADVANCE,
        job_id,
        state.value,
        place.round,
        place.row,
        place.settled,
        place.last,
        *(more.get(outcome, 0) for outcome in Outcome),
        seconds,
    )


async def end(
    conn: Connection, job_id: UUID, state: State, problem: Mapping[str, str] | None, now: datetime
) -> bool:
    """End a job; False when it has ended before."""
    stored = None if problem is None else _json(problem)
    return bool(await conn.fetchval(_END, job_id, state.value, now, stored))


async def save_rows(conn: Connection, job_id: UUID, results: Sequence[RowResult]) -> None:
    """Write what became of rows."""
    rows = [
        (
            result.number,
            result.outcome.value,
            result.key,
            result.subject,
            result.version,
            None if result.cells is None else _json([_stored(cell) for cell in result.cells]),
            _json(result.problems) if result.problems else None,
        )
        for result in results
    ]
    await conn.execute(_SAVE_ROWS, job_id, *columns(rows, 7))


async def holders_of(conn: Connection, job_id: UUID, keys: Sequence[str]) -> dict[str, int]:
    """Return which row of the file holds which of these keys."""
    rows = await conn.fetch(_HOLDERS_OF_KEYS, job_id, keys)
    return {row["key"]: row["number"] for row in rows}


async def waiting(conn: Connection, job_id: UUID, after: int, limit: int) -> Sequence[RawRow]:
    """Return the next rows that wait, by number."""
    rows = await conn.fetch(ASIDE, job_id, after, limit, Outcome.WAITING.value)
    return [RawRow(row["number"], to_cells(row["cells"])) for row in rows]


def to_job(row: Row) -> Job:
    """Return a row as a job."""
    wanted = Wanted(
        noun=row["noun"],
        origin=Origin(row["origin"]),
        dry_run=row["dry_run"],
        file=orjson.loads(row["file"]),
        profile=row["profile"],
        source=row["source"],
        reason=row["reason"],
    )
    return Job(
        id=row["id"],
        asker=Asker(row["subject"], row["client"], tuple(row["roles"]), row["member_id"]),
        wanted=wanted,
        state=State(row["state"]),
        size=row["size"],
        chunks=row["chunks"],
        mapping=None if row["mapping"] is None else orjson.loads(row["mapping"]),
        header=row["header"],
        reading=orjson.loads(row["reading"]),
        total=row["total"],
        place=Place(row["round"], row["at_row"], row["settled"], row["last_round"]),
        counts={outcome: row[outcome.value] for outcome in Outcome},
        heads=row["heads"],
        problem=None if row["problem"] is None else orjson.loads(row["problem"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


# Days and moments of a file are told from text that looks like one.
def _stored(cell: Cell) -> object:
    if isinstance(cell, datetime):
        return {"moment": cell.isoformat()}
    if isinstance(cell, date):
        return {"day": cell.isoformat()}
    return cell


def to_cells(text: str) -> Sequence[Cell]:
    """Return stored cells."""
    return [_cell(cell) for cell in orjson.loads(text)]


def _cell(stored: Any) -> Cell:  # noqa: ANN401 (JSON)
    if isinstance(stored, dict):
        if "moment" in stored:
            return datetime.fromisoformat(stored["moment"])
        return date.fromisoformat(stored["day"])
    return None if stored is None else str(stored)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
