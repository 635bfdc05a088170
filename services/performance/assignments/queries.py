"""Reading assignments: who is paid by a plan."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from services.performance.assignments.model import Assignment
from shared.auth.scope import Member, Owned
from shared.db import Connection, Row
from shared.directory import trees
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.asked import Order
from shared.lists.listing import Listing

_SELECT: Final[LiteralString] = """
    SELECT a.id, a.plan_id, a.payee_id, a.valid_from, a.valid_to, a.version
      FROM plan_assignment AS a
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


async def since(conn: Connection, plan_id: UUID, day: date) -> Sequence[Assignment]:
    """Return the assignments to a plan that hold on a day or later."""
    return [Assignment(**dict(row)) for row in await conn.fetch(_SINCE, plan_id, day)]


async def first_days(conn: Connection) -> Mapping[UUID, date]:
    """Return everybody who is or was paid by any plan, and since when."""
    return {row["payee_id"]: row["valid_from"] for row in await conn.fetch(_FIRST_DAYS)}


def _assignment(row: Row) -> Assignment:
    values = dict(row)
    del values["id"]  # it follows from the others
    return Assignment(**values)


OWNED: Final = Owned(Member("a.payee_id"))
ASSIGNMENTS: Final = Listing(
    select=_SELECT,
    of=_assignment,
    order=(Order("payee_id"), Order("valid_from")),
    fields={
        "id": Field(Kind.ID, "a.id"),
        "plan_id": Field(Kind.ID, "a.plan_id"),
        "payee_id": Field(Kind.ID, "a.payee_id", sorts=True, below=trees.members),
        "valid_from": Field(Kind.DATE, "a.valid_from"),
        "valid_to": Field(Kind.DATE, "a.valid_to", nullable=True),
    },
)
