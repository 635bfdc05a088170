"""The tables as they are: each schema read by plain SQL, as of one moment."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, LiteralString, TypeAlias

import asyncpg

Row: TypeAlias = dict[str, Any]
Tables: TypeAlias = Mapping[str, Sequence[Row]]

STATEMENT_SECONDS = 600
CONNECT_SECONDS = 10

SERVICES: Final = ("knowledge", "performance", "targets", "pipeline")
"""Readers before those they read: what a reader has, its source had a moment later too."""

_CHASSIS: Final[Mapping[str, LiteralString]] = {
    "outbox": """
        SELECT id, partition, event_id, type, aggregate_id, aggregate_version, occurred_at,
               correlation_id, causation_id, origin, payload
          FROM outbox ORDER BY partition, id""",
    "event_log": """
        SELECT partition, number, logged_at, event_id, previous_event_id, type, aggregate_id,
               aggregate_version, occurred_at, correlation_id, causation_id, origin, payload
          FROM event_log ORDER BY partition, number, logged_at""",
    "relay": """
        SELECT partition, head, head_event_id, acknowledged FROM relay ORDER BY partition""",
    "watermark": """
        SELECT consumer, source, partition, number, event_id, stopped
          FROM watermark ORDER BY consumer, source, partition""",
    "parked": """
        SELECT id, consumer, source, partition, number, event_id, type, event, reason, state,
               parked_at, settled_at, settled_by
          FROM parked ORDER BY consumer, source, partition, number""",
    "fact": """
        SELECT id, kind, version, body, source, partition, number, origin, learned_at
          FROM fact ORDER BY id""",
    "repair": """
        SELECT id, consumer, source, partition, number, reason, repaired_at
          FROM repair ORDER BY id""",
    "idempotency": """
        SELECT caller, key, status, body FROM idempotency ORDER BY caller, key""",
    "webhook": "SELECT id, version FROM webhook ORDER BY id",
    "webhook_deleted": """
        SELECT subject
          FROM audit_row WHERE noun = 'webhook' AND action = 'deleted'
        UNION
        SELECT content->>'subject'
          FROM audit_pending
         WHERE content->>'noun' = 'webhook' AND content->>'action' = 'deleted'
         ORDER BY subject""",
}
_DIRECTORY: Final[Mapping[str, LiteralString]] = {
    "directory_unit": "SELECT unit_id, version, name, kind FROM directory_unit ORDER BY unit_id",
    "directory_placement": """
        SELECT unit_id, valid_from, parent_id, version
          FROM directory_placement ORDER BY unit_id, valid_from""",
    "directory_member": """
        SELECT member_id, version, external_source, external_id
          FROM directory_member ORDER BY member_id""",
    "directory_assignment": """
        SELECT member_id, valid_from, unit_id, leads, version
          FROM directory_assignment ORDER BY member_id, valid_from""",
    "directory_post": """
        SELECT member_id, starts, ends, unit_id, leads
          FROM directory_post ORDER BY member_id, starts""",
    "unit_line": """
        SELECT unit_id, above_id, starts, ends
          FROM unit_line ORDER BY unit_id, above_id, starts""",
}
_PIPELINE: Final[Mapping[str, LiteralString]] = {
    "deal": """
        SELECT id, version, name, stage, owner_id, account_id, amount, currency, lines, shares,
               opened_on, closed_on
          FROM deal ORDER BY id""",
    "account": "SELECT id, version, name FROM account ORDER BY id",
    "product": """
        SELECT id, version, code, name, line, list_price, currency FROM product ORDER BY id""",
}
_TARGETS: Final[Mapping[str, LiteralString]] = {
    "unit": "SELECT id, version, name, kind FROM unit ORDER BY id",
    "unit_placement": """
        SELECT unit_id, valid_from, parent_id FROM unit_placement ORDER BY unit_id, valid_from""",
    "member": """
        SELECT id, version, name, external_source, external_id FROM member ORDER BY id""",
    "assignment": """
        SELECT member_id, valid_from, unit_id, leads
          FROM assignment ORDER BY member_id, valid_from""",
    "target": """
        SELECT id, version, attainment_id, scope, scope_id, metric, period, starts, ends,
               currency, value
          FROM target ORDER BY id""",
    "attainment": """
        SELECT id, partition, scope, scope_id, metric, period, starts, ends, currency, actual,
               deals, version
          FROM attainment ORDER BY id, partition""",
    "attainment_entry": """
        SELECT attainment_id, cause_id, fact_id, fact_version, amount, deals, source, partition,
               number, posted_at
          FROM attainment_entry ORDER BY attainment_id, cause_id""",
    "reorganisation": "SELECT attainment_id FROM reorganisation ORDER BY attainment_id",
    "repost": "SELECT fact_id FROM repost ORDER BY fact_id",
}
_PERFORMANCE: Final[Mapping[str, LiteralString]] = {
    "plan": "SELECT id, version, name FROM plan ORDER BY id",
    "plan_version": """
        SELECT plan_id, number, valid_from, currency, components, unit_ids
          FROM plan_version ORDER BY plan_id, number""",
    "plan_assignment": """
        SELECT payee_id, plan_id, valid_from, valid_to, id, version
          FROM plan_assignment ORDER BY payee_id, plan_id, valid_from""",
    "credit": """
        SELECT payee_id, id, cause_id, fact_id, fact_version, occurred_on, metric, currency,
               quota_amount, commission_amount, source, partition, number, posted_at
          FROM credit ORDER BY payee_id, id""",
    "quota": """
        SELECT target_id, version, scope, scope_id, metric, period, currency, value
          FROM quota ORDER BY target_id""",
    "quota_actual": """
        SELECT target_id, partition, version, actual
          FROM quota_actual ORDER BY target_id, partition""",
    "incentive": """
        SELECT payee_id, period, plan_id, component, plan_version, version, amount, currency,
               trace
          FROM incentive ORDER BY payee_id, period, plan_id, component""",
    "incentive_entry": """
        SELECT payee_id, id, period, plan_id, component, plan_version, tier, amount, currency,
               cause_source, cause_partition, cause_first, cause_last, correlation_id,
               posted_at
          FROM incentive_entry ORDER BY payee_id, sequence""",
    "recalculation": """
        SELECT payee_id, since, failed_at, reason FROM recalculation ORDER BY payee_id""",
}
_KNOWLEDGE: Final[Mapping[str, LiteralString]] = {
    "win_count": "SELECT period, partition, deals FROM win_count ORDER BY period, partition",
}
STATEMENTS: Final[Mapping[str, Mapping[str, LiteralString]]] = {
    "pipeline": {**_CHASSIS, **_DIRECTORY, **_PIPELINE},
    "targets": {**_CHASSIS, **_DIRECTORY, **_TARGETS},
    "performance": {**_CHASSIS, **_DIRECTORY, **_PERFORMANCE},
    "knowledge": {**_CHASSIS, **_DIRECTORY, **_KNOWLEDGE},
}
FOLLOWED: Final = frozenset({"watermark", "parked", "repair", *_DIRECTORY})
"""What a reader knows of its source, in a service that keeps no facts."""


async def read(service: str, dsn: str, only: Collection[str] | None = None) -> Tables:
    """Return tables of a service as of one moment; the connection can write nothing."""
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        statement_cache_size=0,
        server_settings={
            "application_name": "pharos-verify",
            "search_path": service,
            "timezone": "UTC",
            "default_transaction_read_only": "on",
            "statement_timeout": str(STATEMENT_SECONDS * 1000),
        },
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {
                table: [dict(row) for row in await connection.fetch(statement)]
                for table, statement in STATEMENTS[service].items()
                if only is None or table in only
            }
    finally:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.close()
