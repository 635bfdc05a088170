"""Row scopes: which rows of a noun somebody may see, and whom a change may be about.

A noun declares beside its listing whose a row is:

    OWNED: Final = Owned(AnyOf(Member("d.owner_id"), Members("d.member_ids")))

and ``call.scope(OWNED)`` is the condition of the rows that the caller may see.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString, Protocol
from uuid import UUID

from shared.context import Context
from shared.contracts.roles import Breadth, breadth_of
from shared.db import Connection
from shared.directory import queries as members
from shared.directory import scope as directory
from shared.errors import Forbidden
from shared.sql import Condition, Parameters, anything, brackets, nothing

_MEMBERS: Final[LiteralString] = "SELECT m.id FROM unnest($1::uuid[]) AS m (id) WHERE "
_UNITS: Final[LiteralString] = "SELECT u.id FROM unnest($1::uuid[]) AS u (id) WHERE "


class NotWithinReach(Forbidden):
    """The caller may see it and not change it, or names somebody beyond the caller's reach."""

    en = "Your permission {permission} does not reach this. Ask whom it belongs to, or a manager."
    zh = "您的权限 {permission} 不涵盖此数据，请联系其负责人或上级主管。"


@dataclass(frozen=True, slots=True)
class Sight:
    """How far somebody reaches on a day; ``member_id`` None: is nobody, and has nothing."""

    member_id: UUID | None
    breadth: Breadth | None
    day: date

    @property
    def everything(self) -> bool:
        """Whether there is nothing that it does not reach."""
        return self.breadth is Breadth.ALL

    def member(self, parameters: Parameters, column: LiteralString) -> LiteralString:
        """Return the condition that a column holds a member in reach."""
        if self.member_id is None or self.breadth is None:
            return "false"
        if self.breadth is Breadth.OWN:
            return column + " = " + parameters.add(self.member_id) + "::uuid"
        return self._members(directory.members, parameters, column)

    def any_member(self, parameters: Parameters, column: LiteralString) -> LiteralString:
        """Return the condition that a column holds a list with a member in reach."""
        if self.member_id is None or self.breadth is None:
            return "false"
        if self.breadth is Breadth.OWN:
            return column + " @> ARRAY[" + parameters.add(self.member_id) + "::uuid]"
        return self._members(directory.any_members, parameters, column)

    def unit(self, parameters: Parameters, column: LiteralString) -> LiteralString:
        """Return the condition that a column holds a unit in reach."""
        if self.breadth is None or self.breadth is Breadth.OWN:
            return "false"
        return self._members(directory.units, parameters, column)

    def _members(
        self, whom: directory.ReachOn, parameters: Parameters, column: LiteralString
    ) -> LiteralString:
        if self.member_id is None:
            return "false"
        territory = self.breadth is Breadth.TERRITORY
        return whom(self.member_id, self.day, territory=territory)(parameters, column)


class Whose(Protocol):
    """Says whose a row is."""

    def within(self, sight: Sight, parameters: Parameters) -> LiteralString:
        """Return the condition that a row is somebody's in reach."""


@dataclass(frozen=True, slots=True)
class Member:
    """The row is of the member in a column."""

    column: LiteralString

    def within(self, sight: Sight, parameters: Parameters) -> LiteralString:
        """Return the condition that the member is in reach."""
        return sight.member(parameters, self.column)


@dataclass(frozen=True, slots=True)
class Members:
    """The row is of each member in a column of type ``uuid[]``."""

    column: LiteralString

    def within(self, sight: Sight, parameters: Parameters) -> LiteralString:
        """Return the condition that one of the members is in reach."""
        return sight.any_member(parameters, self.column)


@dataclass(frozen=True, slots=True)
class MemberOrUnit:
    """The row is of the member or unit in ``column``; ``kind`` says which: 'member' or 'unit'."""

    kind: LiteralString
    column: LiteralString

    def within(self, sight: Sight, parameters: Parameters) -> LiteralString:
        """Return the condition that the member or the unit is in reach."""
        member = self.kind + " = 'member' AND " + sight.member(parameters, self.column)
        unit = self.kind + " = 'unit' AND " + sight.unit(parameters, self.column)
        return brackets(member) + " OR " + brackets(unit)


@dataclass(frozen=True, slots=True)
class Through:
    """The row is of whomever rows of another table are; ``rows`` is a statement up to its AND."""

    rows: LiteralString
    whose: Whose

    def within(self, sight: Sight, parameters: Parameters) -> LiteralString:
        """Return the condition that one of the other rows is somebody's in reach."""
        inner = brackets(self.whose.within(sight, parameters))
        return "EXISTS " + brackets(self.rows + " AND " + inner)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The row is of each of several."""

    parts: tuple[Whose, ...]

    def within(self, sight: Sight, parameters: Parameters) -> LiteralString:
        """Return the condition that one of them is in reach."""
        return " OR ".join([brackets(part.within(sight, parameters)) for part in self.parts])


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose the rows of a listing are."""

    whose: Whose

    def seen(self, sight: Sight) -> Condition:
        """Return the condition of the rows in reach; ``anything`` costs nothing."""
        if sight.everything:
            return anything
        if sight.member_id is None or sight.breadth is None:
            return nothing
        return lambda parameters: self.whose.within(sight, parameters)


def sight(ctx: Context, permission: str | None = None) -> Sight:
    """Return how far the asker of a change reaches with what the route asks for, or with another.

    What follows by itself reaches everything.
    """
    if ctx.asked is None:
        return Sight(None, Breadth.ALL, ctx.today)
    breadth = breadth_of(ctx.asked.roles, permission or ctx.asked.permission)
    return Sight(ctx.asked.member_id, breadth, ctx.today)


def reading(ctx: Context) -> Sight:
    """Return how far the asker of a change may see what the change is about."""
    noun = "" if ctx.asked is None else ctx.asked.permission.partition(":")[0]
    return sight(ctx, f"{noun}:read")


async def asking_member(conn: Connection, ctx: Context) -> UUID | None:
    """Return the member who asks for a change; None where it is none that the directory knows."""
    asking = None if ctx.asked is None else ctx.asked.member_id
    if asking is None:
        return None
    return asking if await members.known_members(conn, {asking}) else None


def refused(ctx: Context, pointer: str | None = None) -> NotWithinReach:
    """Return the refusal of what the asker may not change."""
    permission = "" if ctx.asked is None else ctx.asked.permission
    return NotWithinReach(permission=permission, pointer=pointer)


async def members_outside(
    conn: Connection, far: Sight, members: Iterable[UUID | None]
) -> set[UUID | None]:
    """Return those of the members that are out of reach; None is nobody, and needs everything."""
    wanted = set(members)
    if far.everything or not wanted:
        return set()
    parameters = Parameters([one for one in wanted if one is not None])
    where = far.member(parameters, "m.id")
    return wanted - {row["id"] for row in await conn.fetch(_MEMBERS + where, *parameters.values)}


async def units_outside(conn: Connection, far: Sight, units: Iterable[UUID]) -> set[UUID]:
    """Return those of the units that are out of reach."""
    wanted = set(units)
    if far.everything or not wanted:
        return set()
    parameters = Parameters(list(wanted))
    where = far.unit(parameters, "u.id")
    return wanted - {row["id"] for row in await conn.fetch(_UNITS + where, *parameters.values)}
