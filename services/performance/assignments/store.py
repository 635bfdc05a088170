"""Assignments in the database: changed under the lock of their plan."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.performance.assignments.model import Assignment
from shared.db import Connection, columns
from shared.events import outbox

_OF_PAYEES: Final[LiteralString] = """
    SELECT plan_id, payee_id, valid_from, valid_to, version
      FROM plan_assignment
     WHERE plan_id = $1 AND payee_id = ANY($2::uuid[])
     ORDER BY payee_id, valid_from
"""
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO plan_assignment (id, plan_id, payee_id, valid_from, valid_to, version)
    SELECT a.id, a.plan_id, a.payee_id, a.valid_from, a.valid_to, a.version
      FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::date[], $6::date[], $7::bigint[])
           AS a (id, plan_id, payee_id, valid_from, valid_to, version)
    ON CONFLICT (payee_id, plan_id, valid_from) DO UPDATE
       SET valid_to = excluded.valid_to, version = excluded.version
"""
)


async def of_payees(
    conn: Connection, plan_id: UUID, payee_ids: Sequence[UUID]
) -> Sequence[Assignment]:
    """Return the assignments of these payees to a plan."""
    rows = await conn.fetch(_OF_PAYEES, plan_id, payee_ids)
    return [Assignment(**dict(row)) for row in rows]


async def save_many(conn: Connection, changed: Sequence[Assignment], events: str) -> None:
    """Write assignments that are new or have another end, and the events that tell of them."""
    rows = [
        (one.id, one.plan_id, one.payee_id, one.valid_from, one.valid_to, one.version)
        for one in changed
    ]
    await conn.execute(_SAVE, events, *columns(rows, 6))
