"""The directory in the database: facts at their highest versions, and what is derived of them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, LiteralString
from uuid import UUID

from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection, columns
from shared.directory.closure import Line, Placement

_LOCK: Final[LiteralString] = """
    SELECT id FROM directory_lock WHERE id = 1 FOR UPDATE
"""
_SAVE_UNITS: Final[LiteralString] = """
    INSERT INTO directory_unit (unit_id, version, name, kind)
    SELECT u.unit_id, u.version, u.name, u.kind
      FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[])
           AS u (unit_id, version, name, kind)
    ON CONFLICT (unit_id) DO UPDATE
       SET version = excluded.version, name = excluded.name, kind = excluded.kind
     WHERE directory_unit.version < excluded.version
"""
_SAVE_PLACEMENTS: Final[LiteralString] = """
    INSERT INTO directory_placement (unit_id, valid_from, parent_id, version)
    SELECT p.unit_id, p.valid_from, p.parent_id, p.version
      FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::bigint[])
           AS p (unit_id, valid_from, parent_id, version)
    ON CONFLICT (unit_id, valid_from) DO UPDATE
       SET parent_id = excluded.parent_id, version = excluded.version
     WHERE directory_placement.version < excluded.version
    RETURNING unit_id
"""
_SAVE_MEMBERS: Final[LiteralString] = """
    INSERT INTO directory_member (member_id, version, external_source, external_id)
    SELECT m.member_id, m.version, m.external_source, m.external_id
      FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[])
           AS m (member_id, version, external_source, external_id)
    ON CONFLICT (member_id) DO UPDATE
       SET version = excluded.version, external_source = excluded.external_source,
           external_id = excluded.external_id
     WHERE directory_member.version < excluded.version
"""
_SAVE_ASSIGNMENTS: Final[LiteralString] = """
    INSERT INTO directory_assignment (member_id, valid_from, unit_id, leads, version)
    SELECT a.member_id, a.valid_from, a.unit_id, a.leads, a.version
      FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::boolean[], $5::bigint[])
           AS a (member_id, valid_from, unit_id, leads, version)
    ON CONFLICT (member_id, valid_from) DO UPDATE
       SET unit_id = excluded.unit_id, leads = excluded.leads, version = excluded.version
     WHERE directory_assignment.version < excluded.version
    RETURNING member_id
"""
_FORGET: Final[LiteralString] = """
    WITH units AS (DELETE FROM directory_unit WHERE unit_id = ANY($1::uuid[])),
    placements AS (DELETE FROM directory_placement WHERE unit_id = ANY($1::uuid[])),
    members AS (DELETE FROM directory_member WHERE member_id = ANY($1::uuid[]))
    DELETE FROM directory_assignment WHERE member_id = ANY($1::uuid[])
"""
_CLEAR: Final[LiteralString] = """
    WITH units AS (DELETE FROM directory_unit),
    placements AS (DELETE FROM directory_placement),
    members AS (DELETE FROM directory_member),
    assignments AS (DELETE FROM directory_assignment),
    posts AS (DELETE FROM directory_post)
    DELETE FROM unit_line
"""
_WITHOUT_LINE: Final[LiteralString] = """
    SELECT u.unit_id
      FROM unnest($1::uuid[]) AS u (unit_id)
     WHERE NOT EXISTS (
           SELECT FROM unit_line AS l WHERE l.unit_id = u.unit_id AND l.above_id = u.unit_id)
"""
# Between a unit and the first moved unit above it nothing has moved, so whoever is below the moved
# ones on any day was below them before.
_MOVED: Final[LiteralString] = """
    SELECT unit_id FROM unit_line WHERE above_id = ANY($1::uuid[])
     UNION
    SELECT u.unit_id FROM unnest($1::uuid[]) AS u (unit_id)
     ORDER BY unit_id
"""
_PRESENT: Final[LiteralString] = """
    SELECT unit_id FROM directory_unit WHERE unit_id = ANY($1::uuid[])
     UNION
    SELECT unit_id FROM directory_placement WHERE unit_id = ANY($1::uuid[])
"""
_PLACEMENTS: Final[LiteralString] = """
    WITH RECURSIVE upwards (unit_id) AS (
        SELECT u.unit_id FROM unnest($1::uuid[]) AS u (unit_id)
         UNION
        SELECT p.parent_id
          FROM upwards AS u
          JOIN directory_placement AS p ON p.unit_id = u.unit_id
         WHERE p.parent_id IS NOT NULL)
    SELECT p.unit_id, p.valid_from, p.parent_id
      FROM upwards AS u
      JOIN directory_placement AS p ON p.unit_id = u.unit_id
"""
_LINES: Final[LiteralString] = """
    SELECT unit_id, above_id, starts, ends FROM unit_line WHERE unit_id = ANY($1::uuid[])
"""
_REMOVE_LINES: Final[LiteralString] = """
    DELETE FROM unit_line AS l
     USING unnest($1::uuid[], $2::uuid[], $3::date[]) AS g (unit_id, above_id, starts)
     WHERE l.unit_id = g.unit_id AND l.above_id = g.above_id AND l.starts = g.starts
"""
_ADD_LINES: Final[LiteralString] = """
    INSERT INTO unit_line (unit_id, above_id, starts, ends)
    SELECT l.unit_id, l.above_id, l.starts, l.ends
      FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[])
           AS l (unit_id, above_id, starts, ends)
"""
_REMOVE_POSTS: Final[LiteralString] = """
    DELETE FROM directory_post WHERE member_id = ANY($1::uuid[])
"""
_ADD_POSTS: Final[LiteralString] = """
    INSERT INTO directory_post (member_id, starts, ends, unit_id, leads)
    SELECT s.member_id, s.starts, s.ends, s.unit_id, s.leads
      FROM (SELECT member_id, unit_id, leads, valid_from AS starts,
                   lead(valid_from, 1, 'infinity') OVER (
                       PARTITION BY member_id ORDER BY valid_from) AS ends
              FROM directory_assignment
             WHERE member_id = ANY($1::uuid[])) AS s
     WHERE s.unit_id IS NOT NULL
"""


async def lock(conn: Connection) -> None:
    """Wait for whoever moves units, and let nobody else until the caller's transaction ends."""
    await conn.execute(_LOCK)


async def save_units(conn: Connection, told: Iterable[UnitSaved]) -> None:
    """Write units where they are newer, one version of each."""
    rows = [(unit.unit_id, unit.version, unit.name, unit.kind) for unit in told]
    await conn.execute(_SAVE_UNITS, *columns(rows, 4))


async def save_placements(conn: Connection, told: Iterable[UnitPlaced]) -> set[UUID]:
    """Write placements where they are newer, one version of each; return the units that move."""
    rows = [(one.unit_id, one.valid_from, one.parent_id, one.version) for one in told]
    return {row["unit_id"] for row in await conn.fetch(_SAVE_PLACEMENTS, *columns(rows, 4))}


async def save_members(conn: Connection, told: Iterable[MemberSaved]) -> None:
    """Write members where they are newer, one version of each."""
    rows = [(one.member_id, one.version, one.external_source, one.external_id) for one in told]
    await conn.execute(_SAVE_MEMBERS, *columns(rows, 4))


async def save_assignments(conn: Connection, told: Iterable[MemberAssigned]) -> set[UUID]:
    """Write assignments where they are newer, one version of each; return the members that move."""
    rows = [(one.member_id, one.valid_from, one.unit_id, one.leads, one.version) for one in told]
    return {row["member_id"] for row in await conn.fetch(_SAVE_ASSIGNMENTS, *columns(rows, 5))}


async def forget_many(conn: Connection, ids: Collection[UUID]) -> None:
    """Forget all facts of these units and members."""
    await conn.execute(_FORGET, list(ids))


async def clear(conn: Connection) -> None:
    """Take the whole directory away, to learn it anew."""
    await lock(conn)
    await conn.execute(_CLEAR)


async def without_line(conn: Connection, unit_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the units that have no line yet, which are the new ones."""
    return {row["unit_id"] for row in await conn.fetch(_WITHOUT_LINE, list(unit_ids))}


async def moved_with(conn: Connection, unit_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return these units and all that are below them on any day."""
    return [row["unit_id"] for row in await conn.fetch(_MOVED, list(unit_ids))]


async def present(conn: Connection, unit_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the units of which there is a fact."""
    return {row["unit_id"] for row in await conn.fetch(_PRESENT, list(unit_ids))}


async def placements_above(conn: Connection, unit_ids: Collection[UUID]) -> Sequence[Placement]:
    """Return the placements of these units and of all that are above them on any day."""
    return [Placement(**dict(row)) for row in await conn.fetch(_PLACEMENTS, list(unit_ids))]


async def lines_of(conn: Connection, unit_ids: Collection[UUID]) -> set[Line]:
    """Return the lines of these units upwards, as they are kept."""
    return {Line(**dict(row)) for row in await conn.fetch(_LINES, list(unit_ids))}


async def change_lines(conn: Connection, *, gone: Iterable[Line], new: Iterable[Line]) -> None:
    """Remove lines, then add lines."""
    await conn.execute(_REMOVE_LINES, *columns(list(gone), 4)[:3])
    await conn.execute(_ADD_LINES, *columns(list(new), 4))


async def derive_posts(conn: Connection, member_ids: Collection[UUID]) -> None:
    """Derive the posts of these members from their assignments."""
    await conn.execute(_REMOVE_POSTS, list(member_ids))
    await conn.execute(_ADD_POSTS, list(member_ids))
