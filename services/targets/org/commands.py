"""What can be asked of the organisation."""

from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias
from uuid import UUID

from services.targets.attainment import commands as attainment
from services.targets.org import rules, store
from services.targets.org.model import Assignment, Member, Placement, Unit
from services.targets.org.queries import MemberNotFound, UnitNotFound
from shared.audit.model import Change
from shared.auth.four_eyes import OwnBenefit
from shared.context import Context
from shared.contracts.contract import Contract
from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection
from shared.directory import queries as organisation
from shared.directory import upkeep as directory
from shared.errors import Invalid, PharosError
from shared.events import outbox
from shared.ids import External, new_id


class UnknownUnit(Invalid):
    """A unit is named that is not there."""

    en = "There is no unit {unit_id}. Save it first."
    zh = "不存在单元 {unit_id}，请先保存该单元。"


@dataclass(frozen=True, slots=True)
class UnitDraft:
    """A unit as it should be, and where it should hang from a date on."""

    name: str
    kind: str
    parent_id: UUID | None
    valid_from: date


@dataclass(frozen=True, slots=True)
class MemberDraft:
    """A member as it should be, and where it should belong from a date on."""

    name: str
    unit_id: UUID | None
    leads: bool
    valid_from: date


Saved: TypeAlias = tuple[Unit | Member, int | None] | PharosError
"""What came of one of many: the thing with the version that was known before, or its refusal."""


async def save_unit(
    conn: Connection, ctx: Context, *, draft: UnitDraft, key: UUID | External | None
) -> Unit:
    """Make a unit or bring the one of that key up to date; without a change nothing is written.

    Each event has a version of its own, the unit that of the last. Raises UnitNotFound for an
    unknown id, UnknownUnit for an unknown parent, UnitBelowItself, and OwnBenefit where the asker
    leads the unit, or would lead what is in it.
    """
    return (await _put_unit(conn, ctx, draft, key))[0]


async def save_unit_in(
    conn: Connection, ctx: Context, draft: UnitDraft, external: External
) -> Saved:
    """Save one of many units; return its refusal, or it with the version known before, if any."""
    try:
        return await _put_unit(conn, ctx, draft, external)
    except PharosError as error:
        return error


async def _put_unit(
    conn: Connection, ctx: Context, draft: UnitDraft, key: UUID | External | None
) -> tuple[Unit, int | None]:
    await store.lock(conn)
    known = None if key is None else await store.unit(conn, key)
    if known is None and isinstance(key, UUID):
        raise UnitNotFound(unit_id=key)
    external = key if isinstance(key, External) else None
    ctx.check(0 if known is None else known.version)
    unit = known or Unit(new_id(), 0, draft.name, draft.kind, external)
    unit = replace(unit, name=draft.name, kind=draft.kind)
    placement = Placement(unit.id, draft.valid_from, draft.parent_id)
    held = await store.placement_on(conn, unit.id, draft.valid_from)
    told: list[Contract] = []
    if unit != known:
        unit = replace(unit, version=unit.version + 1)
        told.append(_unit_saved(unit))
    if held is None or held.parent_id != placement.parent_id:
        await _check_unit(conn, draft.parent_id, "/parent_id")
        rules.refuse_circle(await store.parents(conn), placement)
        if known is not None:
            await _check_own_unit(conn, ctx, held, placement)
        await store.change(conn, new_id())
        await store.place(conn, placement)
        await attainment.mark_scope(conn, unit.id, draft.valid_from)
        unit = replace(unit, version=unit.version + 1)
        told.append(_unit_placed(unit, placement))
    else:
        placement = held
    if told:
        before = None if known is None else {"unit": known, "placement": held}
        change = Change.told(before, {"unit": unit, "placement": placement}, *told)
        await store.save_unit(conn, unit, outbox.changes(ctx, [change]))
        await directory.apply(conn, told)
    return unit, None if known is None else known.version


async def save_member(
    conn: Connection, ctx: Context, *, draft: MemberDraft, key: UUID | External | None
) -> Member:
    """Make a member or bring the one of that key up to date; without a change nothing is written.

    Each event has a version of its own, the member that of the last. Raises MemberNotFound for an
    unknown id, UnknownUnit for an unknown unit, and OwnBenefit for the asker's own post or one that
    brings the member below the asker.
    """
    return (await _put_member(conn, ctx, draft, key))[0]


async def save_member_in(
    conn: Connection, ctx: Context, draft: MemberDraft, external: External
) -> Saved:
    """Save one of many members; return its refusal, or it with the version known before, if any."""
    try:
        return await _put_member(conn, ctx, draft, external)
    except PharosError as error:
        return error


async def _put_member(
    conn: Connection, ctx: Context, draft: MemberDraft, key: UUID | External | None
) -> tuple[Member, int | None]:
    await store.lock(conn)
    known = None if key is None else await store.member(conn, key)
    if known is None and isinstance(key, UUID):
        raise MemberNotFound(member_id=key)
    external = key if isinstance(key, External) else None
    ctx.check(0 if known is None else known.version)
    member = replace(known or Member(new_id(), 0, draft.name, external), name=draft.name)
    assignment = Assignment(member.id, draft.valid_from, draft.unit_id, draft.leads)
    held = await store.assignment_on(conn, member.id, draft.valid_from)
    told: list[Contract] = []
    if member != known:
        member = replace(member, version=member.version + 1)
        told.append(_member_saved(member))
    if held is None or (held.unit_id, held.leads) != (draft.unit_id, draft.leads):
        await _check_unit(conn, draft.unit_id, "/unit_id")
        if known is not None:
            await _check_own_post(conn, ctx, held, assignment)
        await store.change(conn, new_id())
        await store.assign(conn, assignment)
        await attainment.mark_scope(conn, member.id, draft.valid_from)
        member = replace(member, version=member.version + 1)
        told.append(_member_assigned(member, assignment))
    else:
        assignment = held
    if told:
        before = None if known is None else {"member": known, "assignment": held}
        change = Change.told(before, {"member": member, "assignment": assignment}, *told)
        await store.save_member(conn, member, outbox.changes(ctx, [change]))
        await directory.apply(conn, told)
    return member, None if known is None else known.version


def _unit_saved(unit: Unit) -> UnitSaved:
    return UnitSaved(version=unit.version, unit_id=unit.id, name=unit.name, kind=unit.kind)


def _unit_placed(unit: Unit, placement: Placement) -> UnitPlaced:
    return UnitPlaced(
        version=unit.version,
        unit_id=unit.id,
        parent_id=placement.parent_id,
        valid_from=placement.valid_from,
    )


def _member_saved(member: Member) -> MemberSaved:
    external = member.external
    return MemberSaved(
        version=member.version,
        member_id=member.id,
        external_source=None if external is None else external.source,
        external_id=None if external is None else external.id,
    )


def _member_assigned(member: Member, assignment: Assignment) -> MemberAssigned:
    return MemberAssigned(
        version=member.version,
        member_id=member.id,
        unit_id=assignment.unit_id,
        leads=assignment.leads,
        valid_from=assignment.valid_from,
    )


async def _check_unit(conn: Connection, unit_id: UUID | None, pointer: str) -> None:
    if unit_id is not None and await store.unit(conn, unit_id) is None:
        raise UnknownUnit(unit_id=unit_id, pointer=pointer)


# Whoever leads somebody sees the pay and is paid by the figures, from the day of the post on. What
# is new has neither yet.
async def _check_own_post(
    conn: Connection, ctx: Context, held: Assignment | None, wanted: Assignment
) -> None:
    units = {wanted.unit_id, None if held is None else held.unit_id}
    leading = await _leading(conn, ctx, units, wanted.valid_from)
    if leading is not None and rules.is_own_post(leading, held, wanted):
        raise OwnBenefit(pointer="/unit_id")


async def _check_own_unit(
    conn: Connection, ctx: Context, held: Placement | None, wanted: Placement
) -> None:
    units = {wanted.unit_id, wanted.parent_id, None if held is None else held.parent_id}
    leading = await _leading(conn, ctx, units, wanted.valid_from)
    if leading is not None and rules.is_own_unit(leading, held, wanted):
        raise OwnBenefit(pointer="/parent_id")


async def _leading(
    conn: Connection, ctx: Context, units: set[UUID | None], day: date
) -> rules.Leading | None:
    asking = None if ctx.asked is None else ctx.asked.member_id
    if asking is None:
        return None
    return rules.Leading(asking, *await organisation.led_since(conn, asking, units - {None}, day))
