"""Whose rows somebody may see: conditions on a column that holds a member or a unit.

``Reach`` makes a condition of a column, so that a statement with several such columns asks for each
of them. A member is posted in one unit at most on a day, so the posts of the viewer are one row.
"""

from collections.abc import Callable
from datetime import date
from typing import Final, LiteralString, Protocol, TypeAlias
from uuid import UUID

from shared.sql import Parameters

Reach: TypeAlias = Callable[[Parameters, LiteralString], LiteralString]
"""A condition on a column, given as SQL of its own such as ``deal.owner_id``."""


class ReachOn(Protocol):
    """Makes the reach of a viewer on a day."""

    def __call__(self, viewer: UUID, day: date, *, territory: bool) -> Reach:
        """Return the reach."""


_MEMBERS: Final[LiteralString] = " IN (SELECT r.member_id FROM (VALUES ("
_ANY_MEMBERS: Final[LiteralString] = " && ARRAY(SELECT r.member_id FROM (VALUES ("
_UNITS: Final[LiteralString] = " IN (SELECT r.unit_id FROM (VALUES ("
_ON: Final[LiteralString] = "::uuid, "
# Whom the viewer leads: all below, but not those who lead the same unit beside the viewer.
_MEMBERS_LED: Final[LiteralString] = """::date)) AS asked (viewer_id, day)
    CROSS JOIN LATERAL (
        SELECT asked.viewer_id
         UNION ALL
        SELECT p.member_id
          FROM directory_post AS v
          JOIN unit_line AS l
            ON l.above_id = v.unit_id AND l.starts <= asked.day AND l.ends > asked.day
          JOIN directory_post AS p
            ON p.unit_id = l.unit_id AND p.starts <= asked.day AND p.ends > asked.day
         WHERE v.member_id = asked.viewer_id AND v.starts <= asked.day AND v.ends > asked.day
           AND v.leads AND (p.unit_id <> v.unit_id OR NOT p.leads)
        ) AS r (member_id))
"""
_MEMBERS_AROUND: Final[LiteralString] = """::date)) AS asked (viewer_id, day)
    CROSS JOIN LATERAL (
        SELECT asked.viewer_id
         UNION ALL
        SELECT p.member_id
          FROM directory_post AS v
          JOIN unit_line AS l
            ON l.above_id = v.unit_id AND l.starts <= asked.day AND l.ends > asked.day
          JOIN directory_post AS p
            ON p.unit_id = l.unit_id AND p.starts <= asked.day AND p.ends > asked.day
         WHERE v.member_id = asked.viewer_id AND v.starts <= asked.day AND v.ends > asked.day
        ) AS r (member_id))
"""
_UNITS_LED: Final[LiteralString] = """::date)) AS asked (viewer_id, day)
    CROSS JOIN LATERAL (
        SELECT l.unit_id
          FROM directory_post AS v
          JOIN unit_line AS l
            ON l.above_id = v.unit_id AND l.starts <= asked.day AND l.ends > asked.day
         WHERE v.member_id = asked.viewer_id AND v.starts <= asked.day AND v.ends > asked.day
           AND v.leads
        ) AS r (unit_id))
"""
_UNITS_AROUND: Final[LiteralString] = """::date)) AS asked (viewer_id, day)
    CROSS JOIN LATERAL (
        SELECT l.unit_id
          FROM directory_post AS v
          JOIN unit_line AS l
            ON l.above_id = v.unit_id AND l.starts <= asked.day AND l.ends > asked.day
         WHERE v.member_id = asked.viewer_id AND v.starts <= asked.day AND v.ends > asked.day
        ) AS r (unit_id))
"""


def members(viewer: UUID, day: date, *, territory: bool) -> Reach:
    """Reach the viewer and the members below a unit that the viewer leads on a day.

    Others who lead that same unit are not below it. ``territory``: also whoever is posted in or
    below the unit that the viewer is posted in, led or not.
    """
    return _reach(_MEMBERS, viewer, day, _MEMBERS_AROUND if territory else _MEMBERS_LED)


def any_members(viewer: UUID, day: date, *, territory: bool) -> Reach:
    """Reach whom ``members`` does, for a column that holds a list of members."""
    return _reach(_ANY_MEMBERS, viewer, day, _MEMBERS_AROUND if territory else _MEMBERS_LED)


def units(viewer: UUID, day: date, *, territory: bool) -> Reach:
    """Reach the unit that the viewer leads on a day, and those below it.

    ``territory``: those of the unit that the viewer is posted in, led or not.
    """
    return _reach(_UNITS, viewer, day, _UNITS_AROUND if territory else _UNITS_LED)


def _reach(what: LiteralString, viewer: UUID, day: date, within: LiteralString) -> Reach:
    def where(parameters: Parameters, column: LiteralString) -> LiteralString:
        return column + what + parameters.add(viewer) + _ON + parameters.add(day) + within

    return where
