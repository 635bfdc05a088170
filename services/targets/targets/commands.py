"""What can be asked of targets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from services.targets.attainment import commands as attainment
from services.targets.attainment.model import Key
from services.targets.org import queries as organisation
from services.targets.targets import queries, rules, store
from services.targets.targets.model import Target
from shared.audit import model as audit
from shared.auth import four_eyes, scope
from shared.auth.four_eyes import OwnBenefit
from shared.context import Context
from shared.contracts.contract import Contract
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection
from shared.errors import Conflict, Invalid, PharosError
from shared.events import outbox
from shared.ids import new_id
from shared.lists.asked import Asked


class UnknownScope(Invalid):
    """A target for a unit that is not in the organisation."""

    en = "There is no unit {scope_id}. Save it first."
    zh = "不存在单元 {scope_id}，请先保存该单元。"


class UnknownMemberScope(UnknownScope):
    """A target for a member who is not in the organisation."""

    code = UnknownScope.code
    en = "There is no member {scope_id}. Save it first."
    zh = "不存在成员 {scope_id}，请先保存该成员。"


class TargetTwice(Conflict):
    """One request may set a target once."""

    en = "This target stands twice in the request."
    zh = "同一目标在本次请求中出现两次。"


@dataclass(frozen=True, slots=True)
class Draft:
    """A target as it should be; the period by its name."""

    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    currency: str | None
    value: Decimal | None


Change: TypeAlias = tuple[Target | None, Target]
"""A target before and after."""


async def put_target(conn: Connection, ctx: Context, *, draft: Draft) -> Target:
    """Set one target."""
    return (await _put_all(conn, ctx, [draft], lambda _: ""))[0]


async def put_targets(
    conn: Connection, ctx: Context, *, drafts: Sequence[Draft]
) -> Sequence[Target]:
    """Set targets, all or none."""
    return await _put_all(conn, ctx, drafts, lambda place: f"/targets/{place}")


async def put_each_in(
    conn: Connection, ctx: Context, drafts: Sequence[Draft]
) -> Sequence[Change | PharosError]:
    """Set targets, each for itself; one that is the same already stays.

    Returns each before and after, or its refusal.
    """
    planned = await _planned(conn, ctx, drafts)
    await _save(conn, ctx, planned)
    return planned


async def _put_all(
    conn: Connection, ctx: Context, drafts: Sequence[Draft], pointer: Callable[[int], str]
) -> Sequence[Target]:
    planned = await _planned(conn, ctx, drafts)
    taken: list[Change] = []
    for place, change in enumerate(planned):
        if isinstance(change, PharosError):
            raise change.under(pointer(place))
        before, _ = change
        ctx.check(0 if before is None else before.version)
        taken.append(change)
    await _save(conn, ctx, taken)
    return [target for _, target in taken]


async def _planned(
    conn: Connection, ctx: Context, drafts: Sequence[Draft]
) -> Sequence[Change | PharosError]:
    """Return what each draft makes of its target, or why it is refused; known ones are locked."""
    keys = [_key(ctx, draft) for draft in drafts]
    scopes = await organisation.known(conn, {draft.scope_id for draft in drafts})
    beyond = await _beyond(conn, ctx, drafts)
    known = await store.lock_many(conn, [key.id for key in keys if isinstance(key, Key)])
    seen: set[UUID] = set()
    planned: list[Change | PharosError] = []
    for draft, key in zip(drafts, keys, strict=True):
        if isinstance(key, PharosError):
            planned.append(key)
        elif draft.scope_id in beyond:
            planned.append(beyond[draft.scope_id])
        elif (draft.scope, draft.scope_id) not in scopes:
            unknown = UnknownMemberScope if draft.scope is ScopeKind.MEMBER else UnknownScope
            planned.append(unknown(scope_id=draft.scope_id, pointer="/scope_id"))
        elif key.id in seen:
            planned.append(TargetTwice(pointer=""))
        else:
            seen.add(key.id)
            planned.append(_put(known.get(key.id), key, draft))
    return planned


async def _beyond(
    conn: Connection, ctx: Context, drafts: Sequence[Draft]
) -> Mapping[UUID, PharosError]:
    """Return by scope why the asker may not set its target: out of reach, or the own one."""
    far = scope.sight(ctx)
    members = {draft.scope_id for draft in drafts if draft.scope is ScopeKind.MEMBER}
    units = {draft.scope_id for draft in drafts if draft.scope is ScopeKind.UNIT}
    refusals: dict[UUID, PharosError] = {
        scope_id: OwnBenefit(pointer="/scope_id")
        for scope_id in await four_eyes.own(conn, ctx, members, units)
    }
    outside = await scope.members_outside(conn, far, members)
    outside |= await scope.units_outside(conn, far, units)
    for scope_id in (members | units) & outside:
        refusals[scope_id] = scope.refused(ctx, "/scope_id")
    return refusals


def _put(known: Target | None, key: Key, draft: Draft) -> Change | PharosError:
    try:
        target = rules.put(known, key, draft.value, new_id())
    except PharosError as error:
        return error
    return known, target


async def _save(conn: Connection, ctx: Context, planned: Sequence[Change | PharosError]) -> None:
    taken = [change for change in planned if not isinstance(change, PharosError)]
    changed = [(before, after) for before, after in taken if before is not after]
    if changed:
        told = [_change(before, after) for before, after in changed]
        targets = [after for _, after in changed]
        await store.save_many(conn, targets, outbox.changes(ctx, told))
        keys = [target.key for target in targets]
        await attainment.open_for_targets(conn, ctx.following(), keys)


def _change(before: Target | None, after: Target) -> audit.Change:
    told = rules.told(after)
    return audit.Change.told(None if before is None else rules.told(before), told, told)


async def snapshot(conn: Connection, after: UUID, limit: int) -> Sequence[Contract]:
    """Return the next targets by id, each with where its attainment stands, as events tell it."""
    found = await queries.TARGETS.page(conn, Asked(limit=limit, place=(after,)))
    targets = found.items
    standing = await attainment.standing(conn, [target.key.id for target in targets])
    return [*map(rules.told, targets), *standing]


def _key(ctx: Context, draft: Draft) -> Key | PharosError:
    try:
        period = ctx.installation.calendar.named(draft.period)
    except PharosError as error:
        return error.under("/period")
    return Key(draft.scope, draft.scope_id, draft.metric, period, draft.currency or "")
