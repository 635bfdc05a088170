"""Keeping the log: time partitions made ahead, and dropped when they are out of retention."""

import contextlib
from datetime import date, datetime, timedelta
from typing import Final, LiteralString

import asyncpg

from shared import clock
from shared.db import UNAVAILABLE, Connection, Database, DatabaseUnavailable
from shared.failpoints import reach
from shared.logs import logger
from shared.metrics import Metrics

log = logger(__name__)

WEEKS_AHEAD = 4
EVERY_SECONDS = 3_600
KEYS_AT_A_TIME = 1_000
ROUNDS_MAX = 1_000

_MAKE: Final[LiteralString] = """
    SELECT make_log_partition($1::date)
"""
_DROP: Final[LiteralString] = """
    SELECT drop_log_partitions($1::timestamptz)
"""
_FORGET_KEYS: Final[LiteralString] = """
    DELETE FROM idempotency
     WHERE (caller, key) IN (
        SELECT caller, key FROM idempotency WHERE created_at < $1 LIMIT $2)
    RETURNING true
"""
_DEFAULT_ROWS: Final[LiteralString] = """
    SELECT count(*) FROM (SELECT FROM event_log_default LIMIT 1000) AS sample
"""


async def tend(database: Database, retention_days: int, metrics: Metrics) -> None:
    """Make this week's partition and the next four; drop what is older than the retention."""
    today = clock.now().date()
    monday = today - timedelta(days=today.weekday())
    oldest = clock.now() - timedelta(days=retention_days)
    async with database.acquire() as conn:
        for week in range(WEEKS_AHEAD + 1):
            await _make(conn, monday + timedelta(weeks=week))
        metrics.default_rows.set(await conn.fetchval(_DEFAULT_ROWS))
        await conn.execute(_DROP, oldest)
        await _forget_keys(conn, oldest)


async def _make(conn: Connection, monday: date) -> None:
    """Make a week's partition; one that has come too late is left to the default partition."""
    try:
        await conn.execute(_MAKE, monday)
    except asyncpg.CheckViolationError:
        log.exception("week_stays_in_default_partition", monday=monday.isoformat())


async def _forget_keys(conn: Connection, oldest: datetime) -> None:
    for _ in range(ROUNDS_MAX):
        if len(await conn.fetch(_FORGET_KEYS, oldest, KEYS_AT_A_TIME)) < KEYS_AT_A_TIME:
            return
        await reach("retention.forgotten")


async def tend_for_ever(database: Database, retention_days: int, metrics: Metrics) -> None:
    """Tend the log every hour until cancelled; an absent database is waited out."""
    while True:
        await clock.pause(EVERY_SECONDS)
        with contextlib.suppress(DatabaseUnavailable, *UNAVAILABLE):
            await tend(database, retention_days, metrics)
