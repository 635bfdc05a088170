"""The organisation as a tree of filters: what lies under a unit on a day, the unit included."""

from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from shared.sql import Condition, Parameters

_ON: Final[LiteralString] = "::uuid, "
_UNITS: Final[LiteralString] = " IN (SELECT r.unit_id FROM (VALUES ("
_UNITS_BELOW: Final[LiteralString] = """::date)) AS asked (above_id, day)
    CROSS JOIN LATERAL (
        SELECT l.unit_id
          FROM unit_line AS l
         WHERE l.above_id = asked.above_id AND l.starts <= asked.day AND l.ends > asked.day
        ) AS r (unit_id))
"""
_MEMBERS: Final[LiteralString] = " IN (SELECT r.member_id FROM (VALUES ("
_MEMBERS_BELOW: Final[LiteralString] = """::date)) AS asked (above_id, day)
    CROSS JOIN LATERAL (
        SELECT p.member_id
          FROM unit_line AS l
          JOIN directory_post AS p
            ON p.unit_id = l.unit_id AND p.starts <= asked.day AND p.ends > asked.day
         WHERE l.above_id = asked.above_id AND l.starts <= asked.day AND l.ends > asked.day
        ) AS r (member_id))
"""
_EITHER: Final[LiteralString] = " IN (SELECT r.id FROM (VALUES ("
_EITHER_BELOW: Final[LiteralString] = """::date)) AS asked (above_id, day)
    CROSS JOIN LATERAL (
        SELECT l.unit_id
          FROM unit_line AS l
         WHERE l.above_id = asked.above_id AND l.starts <= asked.day AND l.ends > asked.day
         UNION ALL
        SELECT p.member_id
          FROM unit_line AS l
          JOIN directory_post AS p
            ON p.unit_id = l.unit_id AND p.starts <= asked.day AND p.ends > asked.day
         WHERE l.above_id = asked.above_id AND l.starts <= asked.day AND l.ends > asked.day
        ) AS r (id))
"""


def units(column: LiteralString, above_id: UUID, on: date) -> Condition:
    """Hold for a unit that is the one asked for or lies under it on a day."""
    return _below(column, _UNITS, above_id, on, _UNITS_BELOW)


def members(column: LiteralString, above_id: UUID, on: date) -> Condition:
    """Hold for a member who is posted in or under the unit asked for on a day."""
    return _below(column, _MEMBERS, above_id, on, _MEMBERS_BELOW)


def units_and_members(column: LiteralString, above_id: UUID, on: date) -> Condition:
    """Hold for a unit or a member, whichever the column holds, in or under the one asked for."""
    return _below(column, _EITHER, above_id, on, _EITHER_BELOW)


def _below(
    column: LiteralString, what: LiteralString, above_id: UUID, on: date, below: LiteralString
) -> Condition:
    def where(parameters: Parameters) -> LiteralString:
        return column + what + parameters.add(above_id) + _ON + parameters.add(on) + below

    return where
