"""Plans in the database: the plan and its versions are one aggregate, assignments hang on it."""

from collections.abc import Iterable, Sequence
from typing import Final, LiteralString
from uuid import UUID

from pydantic import TypeAdapter

from services.performance.plans.model import (
    Assignment,
    Component,
    Plan,
    PlanVersion,
    UnitAttainment,
)
from shared.db import Connection, Row, columns
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
    "WITH appended AS ("
    + outbox.APPEND
    + """), added AS (
    INSERT INTO plan_version (plan_id, number, valid_from, currency, components, unit_ids)
    VALUES ($2, $7, $8, $9, $10, $11)
    )
    INSERT INTO plan (id, version, name, external_source, external_id)
    VALUES ($2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version
"""
)
_ASSIGNMENTS: Final[LiteralString] = """
    SELECT plan_id, payee_id, valid_from, valid_to
      FROM plan_assignment
     WHERE plan_id = $1 AND payee_id = ANY($2::uuid[])
     ORDER BY payee_id, valid_from
"""
_ASSIGN: Final[LiteralString] = (
    "WITH appended AS ("
    + outbox.APPEND
    + """), told AS (
    UPDATE plan SET version = $3 WHERE id = $2
    )
    INSERT INTO plan_assignment (payee_id, plan_id, valid_from, valid_to)
    SELECT a.payee_id, $2, a.valid_from, a.valid_to
      FROM unnest($4::uuid[], $5::date[], $6::date[]) AS a (payee_id, valid_from, valid_to)
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
        _units(last.components),
    )


async def assignments(
    conn: Connection, plan_id: UUID, payee_ids: Sequence[UUID]
) -> Sequence[Assignment]:
    """Return the assignments of these payees to a plan."""
    rows = await conn.fetch(_ASSIGNMENTS, plan_id, payee_ids)
    return [Assignment(**dict(row)) for row in rows]


async def assign_many(
    conn: Connection, plan: Plan, added: Sequence[Assignment], events: str
) -> None:
    """Write new assignments to a plan, its version, and the events that tell of them."""
    rows = [
        (assignment.payee_id, assignment.valid_from, assignment.valid_to) for assignment in added
    ]
    await conn.execute(_ASSIGN, events, plan.id, plan.version, *columns(rows, 3))


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
    components = COMPONENTS.validate_json(row["components"])
    return PlanVersion(row["number"], row["valid_from"], row["currency"], components)


def _units(components: Iterable[Component]) -> list[UUID]:
    """Return the units whose attainment the components pay on, so that these find the plan."""
    measures = (component.measure for component in components)
    return sorted({measure.unit_id for measure in measures if isinstance(measure, UnitAttainment)})
