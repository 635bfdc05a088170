"""Of whom the directory does not say what the organisation says, and what it should say."""

from collections.abc import Collection, Sequence
from typing import Final, LiteralString
from uuid import UUID

from shared.contracts.contract import Contract
from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection

_STRAYED: Final[LiteralString] = """
    SELECT s.id
      FROM (SELECT u.id
              FROM (SELECT id, name, kind FROM unit
                    EXCEPT SELECT unit_id, name, kind FROM directory_unit) AS u
             UNION
            SELECT p.unit_id
              FROM (SELECT unit_id, valid_from, parent_id FROM unit_placement
                    EXCEPT SELECT unit_id, valid_from, parent_id FROM directory_placement) AS p
             UNION
            SELECT m.id
              FROM (SELECT id, external_source, external_id FROM member
                    EXCEPT
                    SELECT member_id, external_source, external_id FROM directory_member) AS m
             UNION
            SELECT a.member_id
              FROM (SELECT member_id, valid_from, unit_id, leads FROM assignment
                    EXCEPT
                    SELECT member_id, valid_from, unit_id, leads FROM directory_assignment) AS a
           ) AS s
     LIMIT $1
"""
_UNITS: Final[LiteralString] = """
    SELECT id AS unit_id, version, name, kind FROM unit WHERE id = ANY($1::uuid[])
"""
_PLACEMENTS: Final[LiteralString] = """
    SELECT p.unit_id, p.valid_from, p.parent_id, u.version
      FROM unit_placement AS p
      JOIN unit AS u ON u.id = p.unit_id
     WHERE u.id = ANY($1::uuid[])
"""
_MEMBERS: Final[LiteralString] = """
    SELECT id AS member_id, version, external_source, external_id
      FROM member
     WHERE id = ANY($1::uuid[])
"""
_ASSIGNMENTS: Final[LiteralString] = """
    SELECT a.member_id, a.valid_from, a.unit_id, a.leads, m.version
      FROM assignment AS a
      JOIN member AS m ON m.id = a.member_id
     WHERE m.id = ANY($1::uuid[])
"""


async def strayed(conn: Connection, limit: int) -> Sequence[UUID]:
    """Return units and members of whom the directory lacks something that is so."""
    return [row["id"] for row in await conn.fetch(_STRAYED, limit)]


async def facts(conn: Connection, ids: Collection[UUID]) -> Sequence[Contract]:
    """Return the facts of units and members, each at the version of its unit or member.

    An event to come is above that, and none that was told is.
    """
    found: list[Contract] = []
    found += [UnitSaved(**dict(row)) for row in await conn.fetch(_UNITS, ids)]
    found += [UnitPlaced(**dict(row)) for row in await conn.fetch(_PLACEMENTS, ids)]
    found += [MemberSaved(**dict(row)) for row in await conn.fetch(_MEMBERS, ids)]
    found += [MemberAssigned(**dict(row)) for row in await conn.fetch(_ASSIGNMENTS, ids)]
    return found
