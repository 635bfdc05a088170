"""Quotas in the database; an older version never overwrites a newer one."""

from collections.abc import Collection, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.performance.quotas.model import Actual, Aim, Quota
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection, Row, columns

_LOCK: Final[LiteralString] = """
    SELECT target_id, version, scope, scope_id, metric, period, currency, value
      FROM quota
     WHERE target_id = ANY($1::uuid[])
     ORDER BY target_id
       FOR UPDATE
"""
_SAVE: Final[LiteralString] = """
    INSERT INTO quota (target_id, version, scope, scope_id, metric, period, currency, value)
    SELECT q.target_id, q.version, q.scope, q.scope_id, q.metric, q.period, q.currency, q.value
      FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::text[], $6::text[],
                  $7::text[], $8::numeric[])
           AS q (target_id, version, scope, scope_id, metric, period, currency, value)
    ON CONFLICT (target_id) DO UPDATE
       SET version = excluded.version, scope = excluded.scope, scope_id = excluded.scope_id,
           metric = excluded.metric, period = excluded.period, currency = excluded.currency,
           value = excluded.value
     WHERE quota.version < excluded.version
"""
_SAVE_ACTUALS: Final[LiteralString] = """
    INSERT INTO quota_actual (target_id, partition, version, actual)
    SELECT a.target_id, a.partition, a.version, a.actual
      FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::numeric[])
           AS a (target_id, partition, version, actual)
     ORDER BY a.target_id, a.partition
    ON CONFLICT (target_id, partition) DO UPDATE
       SET version = excluded.version, actual = excluded.actual
     WHERE quota_actual.version < excluded.version
    RETURNING target_id, partition, version
"""
_CLEAR: Final[LiteralString] = """
    DELETE FROM quota
"""
_CLEAR_ACTUALS: Final[LiteralString] = """
    DELETE FROM quota_actual
"""


async def clear(conn: Connection) -> None:
    """Take all targets and actuals away, to learn them anew."""
    await conn.execute(_CLEAR)
    await conn.execute(_CLEAR_ACTUALS)


_STRETCH: Final[LiteralString] = """
    SELECT target_id, version, scope, scope_id, metric, period, currency, value
      FROM quota
     WHERE target_id > $1 AND ($2::uuid IS NULL OR target_id <= $2)
     ORDER BY target_id
       FOR UPDATE
"""
_ACTUALS: Final[LiteralString] = """
    SELECT target_id, partition, version, actual
      FROM quota_actual
     WHERE target_id > $1 AND ($2::uuid IS NULL OR target_id <= $2)
     ORDER BY target_id, partition
       FOR UPDATE
"""
_FORGET: Final[LiteralString] = """
    WITH forgotten AS (DELETE FROM quota_actual WHERE target_id = ANY($1::uuid[]))
    DELETE FROM quota WHERE target_id = ANY($1::uuid[])
"""


async def lock_stretch(
    conn: Connection, after: UUID, last: UUID | None
) -> tuple[Sequence[Quota], Sequence[Actual]]:
    """Return quotas and actuals of the targets behind an id and up to another, locked."""
    quotas = [_to_quota(row) for row in await conn.fetch(_STRETCH, after, last)]
    actuals = [Actual(**dict(row)) for row in await conn.fetch(_ACTUALS, after, last)]
    return quotas, actuals


async def forget_many(conn: Connection, target_ids: Collection[UUID]) -> None:
    """Let go of all that is known of these targets."""
    await conn.execute(_FORGET, list(target_ids))


async def lock_many(conn: Connection, target_ids: Collection[UUID]) -> dict[UUID, Quota]:
    """Return the quotas of these targets that are known, locked."""
    rows = await conn.fetch(_LOCK, list(target_ids))
    return {row["target_id"]: _to_quota(row) for row in rows}


async def save_many(conn: Connection, quotas: Sequence[Quota]) -> None:
    """Write quotas, one per target."""
    rows = [
        (
            quota.target_id,
            quota.version,
            quota.aim.scope.value,
            quota.aim.scope_id,
            quota.aim.metric.value,
            quota.aim.period,
            quota.aim.currency,
            quota.value,
        )
        for quota in quotas
    ]
    await conn.execute(_SAVE, *columns(rows, 8))


async def save_actuals(conn: Connection, actuals: Sequence[Actual]) -> set[tuple[UUID, int, int]]:
    """Write actuals, one per target and partition.

    Returns which were news, as (target, partition, version).
    """
    rows = await conn.fetch(_SAVE_ACTUALS, *columns(actuals, 4))
    return {(row["target_id"], row["partition"], row["version"]) for row in rows}


def _to_quota(row: Row) -> Quota:
    aim = Aim(
        ScopeKind(row["scope"]),
        row["scope_id"],
        Metric(row["metric"]),
        row["period"],
        row["currency"],
    )
    return Quota(row["target_id"], row["version"], aim, row["value"])
