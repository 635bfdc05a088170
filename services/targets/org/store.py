"""The organisation in the database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from services.targets.org.model import (
    Assignment,
    Member,
    Organisation,
    Placement,
    Steps,
    Unit,
)
from shared.db import Connection, Row
from shared.events import outbox
from shared.ids import External

# Figures are posted under a share of this row, so a change waits for the batch at work, and the
# next batch sees the change.
_LOCK_REVISION: Final[LiteralString] = """
    SELECT revision FROM organisation WHERE id = 1 FOR UPDATE
"""
_SHARE_REVISION: Final[LiteralString] = """
    SELECT revision FROM organisation WHERE id = 1 FOR SHARE
"""
_CHANGE_REVISION: Final[LiteralString] = """
    UPDATE organisation SET revision = $1 WHERE id = 1
"""
_ALL_PLACEMENTS: Final[LiteralString] = """
    SELECT unit_id AS key, valid_from, parent_id AS value
      FROM unit_placement
     ORDER BY unit_id, valid_from
"""
_ALL_ASSIGNMENTS: Final[LiteralString] = """
    SELECT member_id AS key, valid_from, unit_id AS value
      FROM assignment
     ORDER BY member_id, valid_from
"""
_UNIT: Final[LiteralString] = """
    SELECT id, version, name, kind, external_source, external_id FROM unit WHERE id = $1
"""
_UNIT_EXTERNAL: Final[LiteralString] = """
    SELECT id, version, name, kind, external_source, external_id
      FROM unit
     WHERE external_source = $1 AND external_id = $2
"""
_MEMBER: Final[LiteralString] = """
    SELECT id, version, name, external_source, external_id FROM member WHERE id = $1
"""
_MEMBER_EXTERNAL: Final[LiteralString] = """
    SELECT id, version, name, external_source, external_id
      FROM member
     WHERE external_source = $1 AND external_id = $2
"""
_SAVE_UNIT: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO unit (id, version, name, kind, external_source, external_id)
    VALUES ($2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name, kind = excluded.kind
"""
)
_SAVE_MEMBER: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO member (id, version, name, external_source, external_id)
    VALUES ($2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name
"""
)
_PLACE: Final[LiteralString] = """
    INSERT INTO unit_placement (unit_id, valid_from, parent_id)
    VALUES ($1, $2, $3)
    ON CONFLICT (unit_id, valid_from) DO UPDATE SET parent_id = excluded.parent_id
"""
_ASSIGN: Final[LiteralString] = """
    INSERT INTO assignment (member_id, valid_from, unit_id, leads)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (member_id, valid_from)
    DO UPDATE SET unit_id = excluded.unit_id, leads = excluded.leads
"""
_PLACEMENT_ON: Final[LiteralString] = """
    SELECT unit_id, valid_from, parent_id
      FROM unit_placement
     WHERE unit_id = $1 AND valid_from <= $2
     ORDER BY valid_from DESC
     LIMIT 1
"""
_ASSIGNMENT_ON: Final[LiteralString] = """
    SELECT member_id, valid_from, unit_id, leads
      FROM assignment
     WHERE member_id = $1 AND valid_from <= $2
     ORDER BY valid_from DESC
     LIMIT 1
"""

_KEPT: dict[UUID, Organisation] = {}
_KEPT_MAX = 8


async def held(conn: Connection) -> Organisation:
    """Return the organisation; it cannot change before the caller's transaction ends."""
    return await _organisation(conn, await conn.fetchval(_SHARE_REVISION))


async def lock(conn: Connection) -> None:
    """Lock the organisation for a change; figures that are being posted are waited for."""
    await conn.execute(_LOCK_REVISION)


async def change(conn: Connection, revision: UUID) -> None:
    """Give the locked organisation a new revision, since somebody or something moves in it."""
    await conn.execute(_CHANGE_REVISION, revision)


async def parents(conn: Connection) -> Mapping[UUID, Steps]:
    """Return where every unit hangs, on all dates."""
    return _steps(await conn.fetch(_ALL_PLACEMENTS))


async def _organisation(conn: Connection, revision: UUID) -> Organisation:
    # A revision names one state of one database for ever, so what was read of it may be kept.
    kept = _KEPT.get(revision)
    if kept is None or revision.int == 0:
        kept = _KEPT[revision] = await _read(conn, revision)
        while len(_KEPT) > _KEPT_MAX:
            _KEPT.pop(next(iter(_KEPT)))
    return kept


async def _read(conn: Connection, revision: UUID) -> Organisation:
    units = _steps(await conn.fetch(_ALL_ASSIGNMENTS))
    return Organisation(revision, units, await parents(conn))


def _steps(rows: Sequence[Row]) -> dict[UUID, Steps]:
    found: defaultdict[UUID, tuple[list[date], list[UUID | None]]]
    found = defaultdict(lambda: ([], []))
    for row in rows:
        dates, values = found[row["key"]]
        dates.append(row["valid_from"])
        values.append(row["value"])
    return {key: Steps(dates, values) for key, (dates, values) in found.items()}


async def unit(conn: Connection, key: UUID | External) -> Unit | None:
    """Return a unit by its id or external id, None when there is none."""
    if isinstance(key, External):
        row = await conn.fetchrow(_UNIT_EXTERNAL, key.source, key.id)
    else:
        row = await conn.fetchrow(_UNIT, key)
    return None if row is None else to_unit(row)


async def member(conn: Connection, key: UUID | External) -> Member | None:
    """Return a member by id or external id, None when there is none."""
    if isinstance(key, External):
        row = await conn.fetchrow(_MEMBER_EXTERNAL, key.source, key.id)
    else:
        row = await conn.fetchrow(_MEMBER, key)
    return None if row is None else to_member(row)


async def placement_on(conn: Connection, unit_id: UUID, day: date) -> Placement | None:
    """Return the placement of a unit that holds on a day."""
    row = await conn.fetchrow(_PLACEMENT_ON, unit_id, day)
    return None if row is None else Placement(**dict(row))


async def assignment_on(conn: Connection, member_id: UUID, day: date) -> Assignment | None:
    """Return the assignment of a member that holds on a day."""
    row = await conn.fetchrow(_ASSIGNMENT_ON, member_id, day)
    return None if row is None else Assignment(**dict(row))


async def save_unit(conn: Connection, unit: Unit, events: str) -> None:
    """Write a unit and the events that tell of it."""
    source, external_id = _external_columns(unit.external)
    await conn.execute(
        _SAVE_UNIT, events, unit.id, unit.version, unit.name, unit.kind, source, external_id
    )


async def save_member(conn: Connection, member: Member, events: str) -> None:
    """Write a member and the events that tell of it."""
    source, external_id = _external_columns(member.external)
    await conn.execute(
        _SAVE_MEMBER, events, member.id, member.version, member.name, source, external_id
    )


async def place(conn: Connection, placement: Placement) -> None:
    """Write a placement."""
    await conn.execute(_PLACE, placement.unit_id, placement.valid_from, placement.parent_id)


async def assign(conn: Connection, assignment: Assignment) -> None:
    """Write an assignment."""
    await conn.execute(
        _ASSIGN,
        assignment.member_id,
        assignment.valid_from,
        assignment.unit_id,
        assignment.leads,
    )


def to_unit(row: Row) -> Unit:
    """Return a row as a unit."""
    return Unit(row["id"], row["version"], row["name"], row["kind"], _external(row))


def to_member(row: Row) -> Member:
    """Return a row as a member."""
    return Member(row["id"], row["version"], row["name"], _external(row))


def _external(row: Row) -> External | None:
    if row["external_id"] is None:
        return None
    return External(row["external_source"], row["external_id"])


def _external_columns(external: External | None) -> tuple[str | None, str | None]:
    return (None, None) if external is None else (external.source, external.id)
