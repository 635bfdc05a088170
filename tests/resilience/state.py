"""What a history leaves behind in its readers, as far as it must not depend on how it was heard."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from services.performance.incentives.store import TRACE
from shared.db import Database

State: TypeAlias = Mapping[str, Sequence[tuple[Any, ...]]]

# What must be equal however it came about. Versions and times count steps, so they may differ; an
# amount that has come to nothing is the same as one that never was.
STATE: Mapping[str, Mapping[str, str]] = {
    "targets": {
        "facts": "SELECT id, version, body::text FROM fact ORDER BY id",
        "attainment": """
            SELECT a.id, a.scope, a.scope_id, a.metric, a.period, a.currency, a.partition,
                   a.actual, a.deals
              FROM attainment AS a
             WHERE a.actual <> 0 OR a.deals <> 0
             ORDER BY a.id, a.partition
        """,
        "entries": """
            SELECT attainment_id, fact_id, partition, sum(amount), sum(deals)
              FROM attainment_entry
             GROUP BY attainment_id, fact_id, partition
            HAVING sum(amount) <> 0 OR sum(deals) <> 0
             ORDER BY attainment_id, fact_id, partition
        """,
        "totals of entries": """
            SELECT attainment_id, partition, sum(amount), sum(deals)
              FROM attainment_entry
             GROUP BY attainment_id, partition
            HAVING sum(amount) <> 0 OR sum(deals) <> 0
             ORDER BY attainment_id, partition
        """,
        "targets": "SELECT attainment_id, version, value FROM target ORDER BY attainment_id",
        "waiting": "SELECT fact_id FROM repost UNION ALL SELECT attainment_id FROM reorganisation",
        "parked": "SELECT number FROM parked WHERE state <> 'replayed'",
    },
    "performance": {
        "facts": "SELECT id, version, body::text FROM fact ORDER BY id",
        "credits": """
            SELECT payee_id, occurred_on, metric, currency, fact_id, sum(quota_amount),
                   sum(commission_amount)
              FROM credit
             GROUP BY payee_id, occurred_on, metric, currency, fact_id
            HAVING sum(quota_amount) <> 0 OR sum(commission_amount) <> 0
             ORDER BY payee_id, occurred_on, metric, currency, fact_id
        """,
        "quotas": """
            SELECT scope, scope_id, metric, period, currency, version, value
              FROM quota
             ORDER BY scope, scope_id, metric, period, currency
        """,
        "actuals": """
            SELECT q.scope_id, q.metric, q.period, q.currency, a.partition, a.actual
              FROM quota_actual AS a
              JOIN quota AS q ON q.target_id = a.target_id
             WHERE a.actual <> 0
             ORDER BY q.scope_id, q.metric, q.period, q.currency, a.partition
        """,
        "incentives": """
            SELECT payee_id, period, plan_id, component, plan_version, amount, currency, trace
              FROM incentive
             ORDER BY payee_id, period, plan_id, component
        """,
        "pay": """
            SELECT payee_id, period, plan_id, component, tier, currency, sum(amount)
              FROM incentive_entry
             GROUP BY payee_id, period, plan_id, component, tier, currency
            HAVING sum(amount) <> 0
             ORDER BY payee_id, period, plan_id, component, tier, currency
        """,
        "waiting": "SELECT payee_id, reason FROM recalculation",
        "parked": "SELECT number FROM parked WHERE state <> 'replayed'",
    },
    "knowledge": {
        "facts": "SELECT id, version, body::text FROM fact ORDER BY id",
        "wins": """
            SELECT period, partition, deals FROM win_count WHERE deals <> 0
             ORDER BY period, partition
        """,
        "parked": "SELECT number FROM parked WHERE state <> 'replayed'",
    },
}


async def state_of(databases: Mapping[str, Database]) -> State:
    """Return all that must be equal, by service and what it is."""
    found: dict[str, Sequence[tuple[Any, ...]]] = {}
    for name, queries in STATE.items():
        async with databases[name].acquire() as conn:
            for what, query in queries.items():
                rows = [tuple(row) for row in await conn.fetch(query)]
                found[f"{name}: {what}"] = list(_explained(rows)) if "trace" in query else rows
    return found


def _explained(rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Yield incentives with their explanation as values, 100 and 100.00 being the same.

    One that pays nothing for nothing says no more than one that is not there.
    """
    for *key, trace in rows:
        incentive = TRACE.validate_json(trace)
        measured = incentive.measured
        if incentive.amount or measured.amount or measured.quota or measured.left_out:
            yield (*key, incentive)
