"""How units and members are imported, in any order of rows: parents may come behind."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from services.targets.org import commands, queries
from services.targets.org.commands import MemberDraft, UnitDraft
from shared.auth.principal import Principal
from shared.context import Context
from shared.contracts.targets import ScopeKind
from shared.db import Connection
from shared.errors import Invalid, PharosError
from shared.fields import Body, BusinessDate, Code, Id, Name
from shared.ids import External
from shared.jobs.importer import Applied, Column, Importer, Refusal, Result


class UnitNotKnown(Invalid):
    """The unit that a row names is not there."""

    en = "There is no unit {external_id} of {source}. Add it to the file, or import it first."
    zh = "不存在来源 {source} 的单元 {external_id}，请在文件中补充或先行导入。"


class _Placed(Protocol):
    """A row that may name a unit by its external id."""

    @property
    def external(self) -> External: ...

    @property
    def above(self) -> External | None: ...


class UnitRow(Body):
    """A row of a file of units."""

    source: Code
    external_id: Code
    name: Name
    kind: Code
    parent_id: Id | None = None
    parent_source: Code | None = None
    parent_external_id: Code | None = None
    valid_from: BusinessDate

    @property
    def external(self) -> External:
        """Return the external id."""
        return External(self.source, self.external_id)

    @property
    def above(self) -> External | None:
        """Return the external id of the parent."""
        if self.parent_external_id is None:
            return None
        return External(self.parent_source or self.source, self.parent_external_id)


class MemberRow(Body):
    """A row of a file of members; who `leads` is the manager of the unit."""

    source: Code
    external_id: Code
    name: Name
    unit_id: Id | None = None
    unit_source: Code | None = None
    unit_external_id: Code | None = None
    leads: bool = False
    valid_from: BusinessDate

    @property
    def external(self) -> External:
        """Return the external id."""
        return External(self.source, self.external_id)

    @property
    def above(self) -> External | None:
        """Return the external id of the unit."""
        if self.unit_external_id is None:
            return None
        return External(self.unit_source or self.source, self.unit_external_id)


RowT = TypeVar("RowT", bound=_Placed)
Save = Callable[[RowT, UUID | None], Awaitable[commands.Saved]]


def key_of(external: External) -> str:
    """Return the key of a row."""
    return f"{external.source}\x1f{external.id}"


async def _apply_units(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[UnitRow]
) -> Sequence[Result]:
    async def save(row: UnitRow, above: UUID | None) -> commands.Saved:
        draft = UnitDraft(row.name, row.kind, row.parent_id or above, row.valid_from)
        return await commands.save_unit_in(conn, ctx, draft, row.external)

    return await _apply(conn, rows, save, "/parent_external_id", own=True)


async def _apply_members(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[MemberRow]
) -> Sequence[Result]:
    async def save(row: MemberRow, above: UUID | None) -> commands.Saved:
        draft = MemberDraft(row.name, row.unit_id or above, row.leads, row.valid_from)
        return await commands.save_member_in(conn, ctx, draft, row.external)

    return await _apply(conn, rows, save, "/unit_external_id", own=False)


async def _apply(
    conn: Connection, rows: Sequence[RowT], save: Save[RowT], pointer: str, *, own: bool
) -> Sequence[Result]:
    """Save rows as soon as the unit that they name is known, until none of them moves.

    With ``own`` the rows are units themselves, so that one may be named by another of them.
    """
    named = {row.above for row in rows if row.above is not None}
    found = await queries.ids_of(conn, list(named)) if named else {}
    known = {external: id_ for (kind, external), id_ in found.items() if kind is ScopeKind.UNIT}
    results: dict[int, Result] = {}
    moved = True
    while moved:
        moved = False
        for place, row in enumerate(rows):
            if place in results or (row.above is not None and row.above not in known):
                continue
            result = await _saved(save, row, None if row.above is None else known[row.above])
            results[place] = result
            if own and isinstance(result, Applied):
                known[row.external] = result.id
                moved = True
    return [results.get(place) or _unknown(row, pointer, own=own) for place, row in enumerate(rows)]


async def _saved(save: Save[RowT], row: RowT, above: UUID | None) -> Result:
    # What is refused is refused before anything is written.
    saved = await save(row, above)
    if isinstance(saved, PharosError):
        return Refusal(saved)
    thing, before = saved
    return Applied.of(thing.id, thing.version, before)


def _unknown(row: _Placed, pointer: str, *, own: bool) -> Refusal:
    above = row.above or row.external
    error = UnitNotKnown(external_id=above.id, source=above.source, pointer=pointer)
    return Refusal(error, waits=True, names=key_of(above) if own else None)


_EXTERNAL = (
    Column("source", headings=("external.source", "来源系统")),
    Column("external_id", headings=("external.id",)),
)

UNITS = Importer(
    noun="units",
    permission="org:write",
    row=UnitRow,
    columns=(
        *_EXTERNAL,
        Column("name", headings=("单元名称", "部门", "部门名称")),
        Column("kind", headings=("类型", "层级")),
        Column("parent_id"),
        Column("parent_source"),
        Column("parent_external_id", headings=("上级编号", "上级部门编号")),
        Column("valid_from", "date", ("生效日期",)),
    ),
    key=lambda row: key_of(row.external),
    apply_many=_apply_units,
)
MEMBERS = Importer(
    noun="members",
    permission="org:write",
    row=MemberRow,
    columns=(
        *_EXTERNAL,
        Column("name", headings=("姓名", "员工姓名")),
        Column("unit_id"),
        Column("unit_source"),
        Column("unit_external_id", headings=("部门编号", "单元编号")),
        Column("leads", "boolean", ("负责人", "是否负责人")),
        Column("valid_from", "date", ("生效日期", "入职日期")),
    ),
    key=lambda row: key_of(row.external),
    apply_many=_apply_members,
)
