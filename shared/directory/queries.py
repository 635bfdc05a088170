"""Reading the directory: who is known, who is below whom on a day, and how far it has heard."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from shared.contracts.contract import Contract
from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection
from shared.ids import External

CONSUMER: Final = "directory"
SOURCE: Final = "targets"

_MEMBERS_UNDER: Final[LiteralString] = """
    SELECT p.member_id
      FROM unit_line AS l
      JOIN directory_post AS p ON p.unit_id = l.unit_id AND p.starts <= $2 AND p.ends > $2
     WHERE l.above_id = $1 AND l.starts <= $2 AND l.ends > $2
     ORDER BY p.member_id
"""
_UNITS_UNDER: Final[LiteralString] = """
    SELECT unit_id
      FROM unit_line
     WHERE above_id = $1 AND starts <= $2 AND ends > $2
     ORDER BY unit_id
"""
_UNITS_ABOVE: Final[LiteralString] = """
    SELECT above_id
      FROM unit_line
     WHERE unit_id = $1 AND starts <= $2 AND ends > $2
     ORDER BY above_id
"""
_LED_BY: Final[LiteralString] = """
    SELECT unit_id
      FROM directory_post
     WHERE member_id = $1 AND starts <= $2 AND ends > $2 AND leads
"""
_LED_SINCE: Final[LiteralString] = """
    SELECT DISTINCT l.unit_id, l.unit_id = p.unit_id AS is_led
      FROM directory_post AS p
      JOIN unit_line AS l
        ON l.above_id = p.unit_id AND l.starts < p.ends AND l.ends > p.starts AND l.ends > $3
     WHERE p.member_id = $1 AND p.leads AND p.ends > $3 AND l.unit_id = ANY($2::uuid[])
"""
_KNOWN_MEMBERS: Final[LiteralString] = """
    SELECT member_id FROM directory_member WHERE member_id = ANY($1::uuid[])
"""
_MEMBERS_OF: Final[LiteralString] = """
    SELECT m.member_id, m.external_source, m.external_id
      FROM directory_member AS m
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON m.external_source = wanted.source AND m.external_id = wanted.id
"""
_KNOWN_UNITS: Final[LiteralString] = """
    SELECT unit_id FROM directory_unit WHERE unit_id = ANY($1::uuid[])
"""
_HEARD: Final[LiteralString] = """
    SELECT partition, number FROM watermark WHERE consumer = $1 AND source = $2
"""
_SUBJECTS: Final[LiteralString] = """
    SELECT s.id
      FROM ((SELECT unit_id AS id FROM directory_unit WHERE unit_id > $1
              ORDER BY unit_id LIMIT $2)
             UNION ALL
            (SELECT member_id AS id FROM directory_member WHERE member_id > $1
              ORDER BY member_id LIMIT $2)) AS s
     ORDER BY s.id
     LIMIT $2
"""
_UNITS: Final[LiteralString] = """
    SELECT unit_id, version, name, kind
      FROM directory_unit
     WHERE unit_id > $1 AND ($2::uuid IS NULL OR unit_id <= $2)
"""
_PLACEMENTS: Final[LiteralString] = """
    SELECT unit_id, valid_from, parent_id, version
      FROM directory_placement
     WHERE unit_id > $1 AND ($2::uuid IS NULL OR unit_id <= $2)
"""
_MEMBERS: Final[LiteralString] = """
    SELECT member_id, version, external_source, external_id
      FROM directory_member
     WHERE member_id > $1 AND ($2::uuid IS NULL OR member_id <= $2)
"""
_ASSIGNMENTS: Final[LiteralString] = """
    SELECT member_id, valid_from, unit_id, leads, version
      FROM directory_assignment
     WHERE member_id > $1 AND ($2::uuid IS NULL OR member_id <= $2)
"""


async def members_under(conn: Connection, unit_id: UUID, day: date) -> Sequence[UUID]:
    """Return the members who are posted in or below a unit on a day, by id."""
    return [row["member_id"] for row in await conn.fetch(_MEMBERS_UNDER, unit_id, day)]


async def units_under(conn: Connection, unit_id: UUID, day: date) -> Sequence[UUID]:
    """Return a unit and those below it on a day, by id."""
    return [row["unit_id"] for row in await conn.fetch(_UNITS_UNDER, unit_id, day)]


async def units_above(conn: Connection, unit_id: UUID, day: date) -> Sequence[UUID]:
    """Return a unit and those above it on a day, by id."""
    return [row["above_id"] for row in await conn.fetch(_UNITS_ABOVE, unit_id, day)]


async def led_by(conn: Connection, member_id: UUID, day: date) -> set[UUID]:
    """Return the unit that a member leads on a day, none for most."""
    return {row["unit_id"] for row in await conn.fetch(_LED_BY, member_id, day)}


async def led_since(
    conn: Connection, member_id: UUID, unit_ids: Collection[UUID | None], day: date
) -> tuple[set[UUID], set[UUID]]:
    """Return which of the units a member leads on some day from ``day`` on, and which lie below."""
    rows = await conn.fetch(_LED_SINCE, member_id, list(unit_ids), day)
    led = {row["unit_id"] for row in rows if row["is_led"]}
    return led, {row["unit_id"] for row in rows if not row["is_led"]}


async def known_members(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are members."""
    return {row["member_id"] for row in await conn.fetch(_KNOWN_MEMBERS, list(ids))}


async def members_of(conn: Connection, externals: Collection[External]) -> Mapping[External, UUID]:
    """Return the ids of the members of these external ids."""
    sources, ids = [e.source for e in externals], [e.id for e in externals]
    rows = await conn.fetch(_MEMBERS_OF, sources, ids)
    return {External(row["external_source"], row["external_id"]): row["member_id"] for row in rows}


async def known_units(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are units."""
    return {row["unit_id"] for row in await conn.fetch(_KNOWN_UNITS, list(ids))}


async def has_heard(conn: Connection, heads: Mapping[int, int]) -> bool:
    """Tell whether the directory is as new as these numbers of the organisation's log.

    ``heads`` has the number by partition. The targets service itself need not ask: its own
    directory changes together with the organisation.
    """
    heard = {row["partition"]: row["number"] for row in await conn.fetch(_HEARD, CONSUMER, SOURCE)}
    return all(heard.get(partition, 0) >= number for partition, number in heads.items())


async def facts(conn: Connection, after: UUID, last: UUID | None) -> Sequence[Contract]:
    """Return all facts of subjects behind ``after`` and up to ``last``, None: to the end."""
    found: list[Contract] = []
    found += [UnitSaved(**dict(row)) for row in await conn.fetch(_UNITS, after, last)]
    found += [UnitPlaced(**dict(row)) for row in await conn.fetch(_PLACEMENTS, after, last)]
    found += [MemberSaved(**dict(row)) for row in await conn.fetch(_MEMBERS, after, last)]
    found += [MemberAssigned(**dict(row)) for row in await conn.fetch(_ASSIGNMENTS, after, last)]
    return found


async def snapshot(conn: Connection, after: UUID, limit: int) -> Sequence[Contract]:
    """Return the present facts of the next units and members by id, as events tell them."""
    subjects = [row["id"] for row in await conn.fetch(_SUBJECTS, after, limit)]
    return await facts(conn, after, subjects[-1]) if subjects else []
