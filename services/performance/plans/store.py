"""Plans in the database: the plan and its versions are one aggregate."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, LiteralString
from uuid import UUID

from pydantic import TypeAdapter

from services.performance.plans.model import (
    Component,
    Plan,
    PlanVersion,
)
from shared.db import Connection, Row
from shared.events import outbox
from shared.ids import External

COMPONENTS: Final = TypeAdapter(tuple[Component, ...])
"""Components as JSON and back; every number in them is text."""

_LOCK: Final[LiteralString] = """
    SELECT id, version, name, external_source, external_id FROM plan WHERE id = $1 FOR UPDATE
"""
_LOCK_EXTERNAL: Final[LiteralString] = """
    SELECT id, version, name, external_source, external_id
      FROM plan
     WHERE external_source = $1 AND external_id = $2
       FOR UPDATE
"""
VERSIONS: Final[LiteralString] = """
    SELECT plan_id, number, valid_from, currency, components
      FROM plan_version
     WHERE plan_id = ANY($1::uuid[])
     ORDER BY plan_id, number
"""
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """, added AS (
    INSERT INTO plan_version (plan_id, number, valid_from, currency, components, unit_ids)
    VALUES ($2, $7, $8, $9, $10, $11)
    )
    INSERT INTO plan (id, version, name, external_source, external_id)
    VALUES ($2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version
"""
)


async def lock(conn: Connection, key: UUID | External) -> Plan | None:
    """Return the plan of an id or external id, locked, None when there is none."""
    if isinstance(key, External):
        row = await conn.fetchrow(_LOCK_EXTERNAL, key.source, key.id)
    else:
        row = await conn.fetchrow(_LOCK, key)
    if row is None:
        return None
    return to_plan(row, await conn.fetch(VERSIONS, [row["id"]]))


async def save(conn: Connection, plan: Plan, events: str) -> None:
    """Write a plan with its last version, which is new, and the events that tell of it."""
    last = plan.versions[-1]
    await conn.execute(
        _SAVE,
        events,
        plan.id,
        plan.version,
        plan.name,
        None if plan.external is None else plan.external.source,
        None if plan.external is None else plan.external.id,
        last.number,
        last.valid_from,
        last.currency,
        COMPONENTS.dump_json(last.components).decode(),
        sorted(last.unit_ids),
    )


def to_plan(row: Row, versions: Iterable[Row]) -> Plan:
    """Return a row of a plan and those of its versions as a plan."""
    external = None
    if row["external_id"] is not None:
        external = External(row["external_source"], row["external_id"])
    return Plan(
        row["id"], row["version"], external, row["name"], tuple(to_version(v) for v in versions)
    )


def to_version(row: Row) -> PlanVersion:
    """Return a row as a version of a plan."""
    components = _components(row["components"])
    return PlanVersion(row["number"], row["valid_from"], row["currency"], components)


@lru_cache(maxsize=256)
def _components(text: str) -> tuple[Component, ...]:
    """Return components from their JSON; they are frozen, and a few plans pay everybody."""
    return COMPONENTS.validate_json(text)
