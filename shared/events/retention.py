"""Keeping the log: time partitions made ahead, and dropped when they are out of retention."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final, LiteralString

from shared import clock
from shared.db import UNAVAILABLE, Database, DatabaseUnavailable
from shared.metrics import Metrics

WEEKS_AHEAD = 4
EVERY_SECONDS = 3_600

_MAKE: Final[LiteralString] = """
    SELECT make_log_partition($1::date)
"""
_DROP: Final[LiteralString] = """
    SELECT drop_log_partitions($1::timestamptz)
"""
_FORGET_KEYS: Final[LiteralString] = """
    DELETE FROM idempotency
     WHERE (client, key) IN (
        SELECT client, key FROM idempotency WHERE created_at < $1 LIMIT 1000)
"""
_DEFAULT_ROWS: Final[LiteralString] = """
    SELECT count(*) FROM (SELECT FROM event_log_default LIMIT 1000) AS sample
"""


async def tend(database: Database, retention_days: int, metrics: Metrics) -> None:
    """Make this week's partition and the next four; drop what is older than the retention."""
    today = clock.now().date()
    monday = today - timedelta(days=today.weekday())
    async with database.acquire() as conn:
        for week in range(WEEKS_AHEAD + 1):
            await conn.execute(_MAKE, monday + timedelta(weeks=week))
        await conn.execute(_DROP, clock.now() - timedelta(days=retention_days))
        await conn.execute(_FORGET_KEYS, clock.now() - timedelta(days=retention_days))
        metrics.default_rows.set(await conn.fetchval(_DEFAULT_ROWS))


async def tend_for_ever(database: Database, retention_days: int, metrics: Metrics) -> None:
    """Tend the log every hour until cancelled; an absent database is waited out."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        with contextlib.suppress(DatabaseUnavailable, *UNAVAILABLE):
            await tend(database, retention_days, metrics)
