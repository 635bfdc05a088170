"""Tending the log: partitions ahead, what is late stays readable, what is old is forgotten."""

from datetime import timedelta

from shared import clock
from shared.db import Connection
from shared.events import log as event_log
from shared.events import retention
from shared.metrics import Metrics
from tests.service.conftest import Installation
from tests.service.events.told import account, tell

INTO_LOG = """
    INSERT INTO event_log (
        partition, number, logged_at, event_id, type, aggregate_id, aggregate_version,
        occurred_at, correlation_id, origin, payload)
    SELECT 0, $1, $2, event_id, type, aggregate_id, aggregate_version, occurred_at,
           correlation_id, origin, payload
      FROM outbox
"""
KEYS = """
    INSERT INTO idempotency (caller, key, request_hash, created_at)
    SELECT 'c', n::text, '', $1 FROM generate_series(1, $2) AS n
"""


async def weeks(conn: Connection) -> int:
    """Return how many weeks have a partition of their own."""
    found: int = await conn.fetchval(
        "SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = 'event_log'::regclass"
    )
    return found


async def test_a_week_whose_rows_came_first_stays_in_the_default_partition(
    installation: Installation,
) -> None:
    metrics = Metrics("pipeline")
    async with installation.open("pipeline") as database:
        await tell(database, account())
        async with database.acquire() as conn:
            await conn.execute(INTO_LOG, 1, clock.now())
            before = await weeks(conn)
            for _ in range(2):
                await retention.tend(database, 35, metrics)
            assert await weeks(conn) == before + retention.WEEKS_AHEAD
            assert len(await event_log.read(conn, "pipeline", 0, after=0, limit=10)) == 1
    figure = metrics.registry.get_sample_value("pharos_pipeline_log_default_rows")
    assert figure == 1


async def test_what_is_too_old_leaves_the_default_partition_too(
    installation: Installation,
) -> None:
    async with installation.open("pipeline") as database:
        await tell(database, account())
        async with database.acquire() as conn:
            await conn.execute(INTO_LOG, 1, clock.now() - timedelta(days=50))
            await conn.execute(INTO_LOG, 2, clock.now() - timedelta(days=20))
            await retention.tend(database, 35, Metrics("pipeline"))
            events = await event_log.read(conn, "pipeline", 0, after=0, limit=10)
    assert [event.number for event in events] == [2]


async def test_all_expired_keys_are_forgotten_at_once(installation: Installation) -> None:
    async with installation.open("pipeline") as database, database.acquire() as conn:
        await conn.execute(KEYS, clock.now() - timedelta(days=40), 3_500)
        await conn.execute("UPDATE idempotency SET created_at = $1 WHERE key = '7'", clock.now())
        await retention.tend(database, 35, Metrics("pipeline"))
        assert await conn.fetchval("SELECT array_agg(key) FROM idempotency") == ["7"]
