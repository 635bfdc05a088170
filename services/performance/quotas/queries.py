"""Reading quotas: what was aimed at and reached, and in which periods somebody has any."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.performance.quotas.model import Aim, Figures
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection, columns

_FIGURES: Final[LiteralString] = """
    SELECT q.scope, q.scope_id, q.metric, q.period, q.currency, q.value,
           (SELECT coalesce(sum(a.actual), 0)
              FROM quota_actual AS a WHERE a.target_id = q.target_id) AS actual
      FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[])
           AS w (scope, scope_id, metric, period, currency)
      JOIN quota AS q
        ON q.scope_id = w.scope_id
       AND q.period = w.period
       AND q.metric = w.metric
       AND q.scope = w.scope
       AND q.currency = w.currency
"""
_PERIODS: Final[LiteralString] = """
    SELECT q.scope_id AS payee_id, q.period
      FROM quota AS q
     WHERE q.scope = 'member' AND q.scope_id = ANY($1::uuid[])
     UNION
    SELECT a.payee_id, q.period
      FROM plan_assignment AS a
      JOIN plan_version AS v ON v.plan_id = a.plan_id
      JOIN quota AS q ON q.scope = 'unit' AND q.scope_id = ANY(v.unit_ids)
     WHERE a.payee_id = ANY($1::uuid[])
"""


async def figures(conn: Connection, aims: Collection[Aim]) -> Mapping[Aim, Figures]:
    """Return the figures of these targets, those that were never set left out."""
    found = {}
    for row in await conn.fetch(_FIGURES, *columns(list(aims), 5)):
        scope, metric = ScopeKind(row["scope"]), Metric(row["metric"])
        aim = Aim(scope, row["scope_id"], metric, row["period"], row["currency"])
        found[aim] = Figures(row["value"], row["actual"])
    return found


async def periods(conn: Connection, payee_ids: Sequence[UUID]) -> Sequence[tuple[UUID, str]]:
    """Return (payee, name of period) wherever a target may count for a payee's pay."""
    return [(row["payee_id"], row["period"]) for row in await conn.fetch(_PERIODS, payee_ids)]
