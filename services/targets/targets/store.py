"""Targets in the database."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.targets.attainment.model import Key
from services.targets.targets.model import Target
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection, Row, columns
from shared.events import outbox
from shared.period import NamedPeriod, Period, PeriodKind

_LOCK: Final[LiteralString] = """
    SELECT id, version, scope, scope_id, metric, period, starts, ends, currency, value
      FROM target
     WHERE attainment_id = ANY($1::uuid[])
     ORDER BY id
       FOR UPDATE
"""
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO target (
        id, version, attainment_id, scope, scope_id, metric, period, starts, ends, currency, value)
    SELECT t.id, t.version, t.attainment_id, t.scope, t.scope_id, t.metric, t.period, t.starts,
           t.ends, t.currency, t.value
      FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::uuid[], $7::text[],
                  $8::text[], $9::date[], $10::date[], $11::text[], $12::numeric[])
           AS t (id, version, attainment_id, scope, scope_id, metric, period, starts, ends,
                 currency, value)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, value = excluded.value
"""
)


async def lock_many(conn: Connection, attainments: Sequence[UUID]) -> dict[UUID, Target]:
    """Return the targets of these attainments, by attainment, locked."""
    targets = [to_target(row) for row in await conn.fetch(_LOCK, attainments)]
    return {target.key.id: target for target in targets}


async def save_many(conn: Connection, targets: Sequence[Target], events: str) -> None:
    """Write targets and the events that tell of them in one statement."""
    rows = [
        (
            target.id,
            target.version,
            target.key.id,
            target.key.scope.value,
            target.key.scope_id,
            target.key.metric.value,
            target.key.period.name,
            target.key.period.period.start,
            target.key.period.period.end,
            target.key.currency,
            target.value,
        )
        for target in targets
    ]
    await conn.execute(_SAVE, events, *columns(rows, 11))


def to_target(row: Row) -> Target:
    """Return a row as a target."""
    period = NamedPeriod(PeriodKind.QUARTER, row["period"], Period(row["starts"], row["ends"]))
    key = Key(
        ScopeKind(row["scope"]),
        row["scope_id"],
        Metric(row["metric"]),
        period,
        row["currency"],
    )
    return Target(row["id"], row["version"], key, row["value"])
