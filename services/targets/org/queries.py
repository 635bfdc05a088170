"""Reading the organisation."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from services.targets.org import store
from services.targets.org.model import Member, Organisation, Unit
from services.targets.org.store import to_member, to_unit
from shared.contracts.targets import ScopeKind
from shared.db import Connection, Row
from shared.directory import trees
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind, Value
from shared.ids import External
from shared.lists.listing import Listing
from shared.sql import anything

_UNITS: Final[LiteralString] = """
    SELECT u.id, u.version, u.name, u.kind, u.external_source, u.external_id, p.parent_id
      FROM unit AS u
      LEFT JOIN LATERAL (
        SELECT parent_id
          FROM unit_placement
         WHERE unit_id = u.id AND valid_from <= $1
         ORDER BY valid_from DESC
         LIMIT 1) AS p ON true
"""
_MEMBERS: Final[LiteralString] = """
    SELECT m.id, m.version, m.name, m.external_source, m.external_id, a.unit_id, a.leads
      FROM member AS m
      LEFT JOIN LATERAL (
        SELECT unit_id, leads
          FROM assignment
         WHERE member_id = m.id AND valid_from <= $1
         ORDER BY valid_from DESC
         LIMIT 1) AS a ON true
"""
_KNOWN: Final[LiteralString] = """
    SELECT 'unit' AS kind, id FROM unit WHERE id = ANY($1::uuid[])
     UNION ALL
    SELECT 'member' AS kind, id FROM member WHERE id = ANY($1::uuid[])
"""
_IDS_OF: Final[LiteralString] = """
    SELECT 'unit' AS kind, u.id, u.external_source, u.external_id
      FROM unit AS u
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON u.external_source = wanted.source AND u.external_id = wanted.id
     UNION ALL
    SELECT 'member' AS kind, m.id, m.external_source, m.external_id
      FROM member AS m
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON m.external_source = wanted.source AND m.external_id = wanted.id
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


async def ids_of(
    conn: Connection, externals: Collection[External]
) -> dict[tuple[ScopeKind, External], UUID]:
    """Return the ids of the units and members of these external ids."""
    sources, ids = [e.source for e in externals], [e.id for e in externals]
    rows = await conn.fetch(_IDS_OF, sources, ids)
    return {
        (ScopeKind(row["kind"]), External(row["external_source"], row["external_id"])): row["id"]
        for row in rows
    }


async def unit(conn: Connection, key: UUID | External, day: date) -> PlacedUnit:
    """Return a unit with its parent on a day; raises UnitNotFound."""
    found = await UNITS.only(conn, anything, given=[day], **_named(key))
    if found is None:
        raise UnitNotFound(unit_id=key.id if isinstance(key, External) else key)
    return found


async def member(conn: Connection, key: UUID | External, day: date) -> AssignedMember:
    """Return a member with its unit on a day; raises MemberNotFound."""
    found = await MEMBERS.only(conn, anything, given=[day], **_named(key))
    if found is None:
        raise MemberNotFound(member_id=key.id if isinstance(key, External) else key)
    return found


def _named(key: UUID | External) -> dict[str, Value]:
    if isinstance(key, External):
        return {"external_source": key.source, "external_id": key.id}
    return {"id": key}


def _placed(row: Row) -> PlacedUnit:
    return PlacedUnit(to_unit(row), row["parent_id"])


def _assigned(row: Row) -> AssignedMember:
    return AssignedMember(to_member(row), row["unit_id"], bool(row["leads"]))


UNITS: Final = Listing(
    select=_UNITS,
    of=_placed,
    fields={
        "id": Field(Kind.ID, "u.id", sorts=True, below=trees.units),
        "name": Field(Kind.TEXT, "u.name", sorts=True),
        "kind": Field(Kind.TEXT, "u.kind"),
        "parent_id": Field(Kind.ID, "p.parent_id", nullable=True),
        "external_source": Field(Kind.TEXT, "u.external_source", nullable=True),
        "external_id": Field(Kind.TEXT, "u.external_id", nullable=True),
    },
)
"""Its own place is the day on which units hang where they are said to."""
MEMBERS: Final = Listing(
    select=_MEMBERS,
    of=_assigned,
    fields={
        "id": Field(Kind.ID, "m.id", sorts=True),
        "name": Field(Kind.TEXT, "m.name", sorts=True),
        "unit_id": Field(Kind.ID, "a.unit_id", nullable=True, below=trees.units),
        "leads": Field(Kind.BOOLEAN, "a.leads", nullable=True),
        "external_source": Field(Kind.TEXT, "m.external_source", nullable=True),
        "external_id": Field(Kind.TEXT, "m.external_id", nullable=True),
    },
)
"""Its own place is the day on which members belong where they are said to."""
