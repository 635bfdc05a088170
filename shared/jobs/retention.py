"""Forgetting imports: files that nobody finished sending, files and results out of retention."""

from datetime import datetime, timedelta
from typing import Final, LiteralString

from shared.db import Connection

ABANDONED: Final = timedelta(days=1)
CHUNKS_AT_A_TIME: Final = 20
ROWS_AT_A_TIME: Final = 1_000

_ABANDON: Final[LiteralString] = """
    UPDATE import_job
       SET state = 'cancelled', finished_at = $1
     WHERE state = 'uploading' AND created_at < $2
"""
_CHUNKS: Final[LiteralString] = """
    DELETE FROM import_chunk
     WHERE (job_id, number) IN (
        SELECT c.job_id, c.number
          FROM import_job AS j
          JOIN import_chunk AS c ON c.job_id = j.id
         WHERE j.finished_at < $1
         LIMIT $2)
    RETURNING true
"""
_ROWS: Final[LiteralString] = """
    DELETE FROM import_row
     WHERE (job_id, number) IN (
        SELECT r.job_id, r.number
          FROM import_job AS j
          JOIN import_row AS r ON r.job_id = j.id
         WHERE j.finished_at < $1
         LIMIT $2)
    RETURNING true
"""
_JOBS: Final[LiteralString] = """
    DELETE FROM import_job
     WHERE id IN (SELECT id FROM import_job WHERE finished_at < $1 LIMIT $2)
    RETURNING true
"""


async def forget(conn: Connection, now: datetime, kept: timedelta) -> int:
    """Forget a bounded part of what is out of retention; return how much it was."""
    await conn.execute(_ABANDON, now, now - ABANDONED)
    oldest = now - kept
    if chunks := await conn.fetch(_CHUNKS, oldest, CHUNKS_AT_A_TIME):
        return len(chunks)
    if rows := await conn.fetch(_ROWS, oldest, ROWS_AT_A_TIME):
        return len(rows)
    return len(await conn.fetch(_JOBS, oldest, ROWS_AT_A_TIME))
