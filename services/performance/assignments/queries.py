"""Reading assignments: who is paid by a plan."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from services.performance.assignments.model import Assignment
from shared.db import Connection

_LIST: Final[LiteralString] = """
    SELECT plan_id, payee_id, valid_from, valid_to, version
      FROM plan_assignment
     WHERE plan_id = $1
       AND ($2 = '00000000-0000-0000-0000-000000000000'::uuid
            OR (payee_id, valid_from) > (
                SELECT payee_id, valid_from FROM plan_assignment WHERE plan_id = $1 AND id = $2))
     ORDER BY payee_id, valid_from
     LIMIT $3
"""
_SINCE: Final[LiteralString] = """
    SELECT plan_id, payee_id, valid_from, valid_to, version
      FROM plan_assignment
     WHERE plan_id = $1 AND (valid_to IS NULL OR valid_to > $2)
     ORDER BY payee_id, valid_from
"""
_FIRST_DAYS: Final[LiteralString] = """
    SELECT payee_id, min(valid_from) AS valid_from FROM plan_assignment GROUP BY payee_id
"""


async def listed(conn: Connection, plan_id: UUID, after: UUID, limit: int) -> Sequence[Assignment]:
    """Return assignments to a plan by payee and first day, behind the id of one."""
    rows = await conn.fetch(_LIST, plan_id, after, limit)
    return [Assignment(**dict(row)) for row in rows]


async def since(conn: Connection, plan_id: UUID, day: date) -> Sequence[Assignment]:
    """Return the assignments to a plan that hold on a day or later."""
    return [Assignment(**dict(row)) for row in await conn.fetch(_SINCE, plan_id, day)]


async def first_days(conn: Connection) -> Mapping[UUID, date]:
    """Return everybody who is or was paid by any plan, and since when."""
    return {row["payee_id"]: row["valid_from"] for row in await conn.fetch(_FIRST_DAYS)}
