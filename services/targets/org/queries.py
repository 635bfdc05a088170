"""Reading the organisation."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from services.targets.org import store
from services.targets.org.model import Member, Organisation, Unit
from services.targets.org.store import to_member, to_unit
from shared.contracts.targets import ScopeKind
from shared.db import Connection
from shared.errors import NotFound

_UNITS: Final[LiteralString] = """
    SELECT u.id, u.version, u.name, u.kind, u.external_source, u.external_id, p.parent_id
      FROM unit AS u
      LEFT JOIN LATERAL (
        SELECT parent_id
          FROM unit_placement
         WHERE unit_id = u.id AND valid_from <= $3
         ORDER BY valid_from DESC
         LIMIT 1) AS p ON true
     WHERE u.id > $1
     ORDER BY u.id
     LIMIT $2
"""
_MEMBERS: Final[LiteralString] = """
    SELECT m.id, m.version, m.name, m.external_source, m.external_id, a.unit_id, a.leads
      FROM member AS m
      LEFT JOIN LATERAL (
        SELECT unit_id, leads
          FROM assignment
         WHERE member_id = m.id AND valid_from <= $3
         ORDER BY valid_from DESC
         LIMIT 1) AS a ON true
     WHERE m.id > $1
     ORDER BY m.id
     LIMIT $2
"""
_KNOWN: Final[LiteralString] = """
    SELECT 'unit' AS kind, id FROM unit WHERE id = ANY($1::uuid[])
     UNION ALL
    SELECT 'member' AS kind, id FROM member WHERE id = ANY($1::uuid[])
"""


class UnitNotFound(NotFound):
    """There is no such unit."""

    en = "There is no unit {unit_id}."
    zh = "不存在单元 {unit_id}。"


class MemberNotFound(NotFound):
    """There is no such member."""

    en = "There is no member {member_id}."
    zh = "不存在成员 {member_id}。"


@dataclass(frozen=True, slots=True)
class PlacedUnit:
    """A unit and its parent on the day that was asked for."""

    unit: Unit
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class AssignedMember:
    """A member and its unit on the day that was asked for."""

    member: Member
    unit_id: UUID | None
    leads: bool


async def held(conn: Connection) -> Organisation:
    """Return the organisation; it cannot change before the caller's transaction ends."""
    return await store.held(conn)


async def locked(conn: Connection) -> Organisation:
    """Return the organisation; nobody else posts by it before the caller's transaction ends."""
    await store.lock(conn)
    return await store.held(conn)


async def known(conn: Connection, scopes: Collection[UUID]) -> set[tuple[ScopeKind, UUID]]:
    """Return those of the ids that are members or units, each with what it is."""
    rows = await conn.fetch(_KNOWN, list(scopes))
    return {(ScopeKind(row["kind"]), row["id"]) for row in rows}


async def units(conn: Connection, after: UUID, limit: int, day: date) -> Sequence[PlacedUnit]:
    """Return units by id, each with its parent on a day."""
    rows = await conn.fetch(_UNITS, after, limit, day)
    return [PlacedUnit(to_unit(row), row["parent_id"]) for row in rows]


async def members(conn: Connection, after: UUID, limit: int, day: date) -> Sequence[AssignedMember]:
    """Return members by id, each with its unit on a day."""
    rows = await conn.fetch(_MEMBERS, after, limit, day)
    return [AssignedMember(to_member(row), row["unit_id"], bool(row["leads"])) for row in rows]
