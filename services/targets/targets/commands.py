"""What can be asked of targets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.targets.attainment import commands as attainment
from services.targets.attainment.model import Key
from services.targets.org import queries as organisation
from services.targets.targets import queries, rules, store
from services.targets.targets.model import Target
from shared.audit.model import Change
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


async def put_target(conn: Connection, ctx: Context, *, draft: Draft) -> Target:
    """Set one target."""
    return (await put_many_in(conn, ctx, [draft], lambda _: ""))[0]


async def put_targets(
    conn: Connection, ctx: Context, *, drafts: Sequence[Draft]
) -> Sequence[Target]:
    """Set targets, all or none."""
    return await put_many_in(conn, ctx, drafts, lambda place: f"/targets/{place}")


async def put_many_in(
    conn: Connection, ctx: Context, drafts: Sequence[Draft], pointer: Callable[[int], str]
) -> Sequence[Target]:
    """Set targets, all or none; one that is the same already stays.

    ``pointer`` says where the draft of a place stands in the request.
    """
    keys = [_key(ctx, draft, pointer(place)) for place, draft in enumerate(drafts)]
    await _check_scopes(conn, drafts, pointer)
    known = await store.lock_many(conn, [key.id for key in keys])
    targets: dict[UUID, Target] = {}
    for place, (key, draft) in enumerate(zip(keys, drafts, strict=True)):
        if key.id in targets:
            raise TargetTwice(pointer=pointer(place))
        try:
            targets[key.id] = rules.put(known.get(key.id), key, draft.value, new_id())
        except PharosError as error:
            raise error.under(pointer(place)) from None
    changed = [target for target in targets.values() if known.get(target.key.id) is not target]
    if changed:
        told = [_change(known.get(target.key.id), target) for target in changed]
        await store.save_many(conn, changed, outbox.changes(ctx, told))
        keys = [target.key for target in changed]
        await attainment.open_for_targets(conn, ctx.following(), keys)
    return list(targets.values())


def _change(before: Target | None, after: Target) -> Change:
    told = rules.told(after)
    return Change.told(None if before is None else rules.told(before), told, told)


async def snapshot(conn: Connection, after: UUID, limit: int) -> Sequence[Contract]:
    """Return the next targets by id, each with where its attainment stands, as events tell it."""
    found = await queries.TARGETS.page(conn, Asked(limit=limit, place=(after,)))
    targets = found.items
    standing = await attainment.standing(conn, [target.key.id for target in targets])
    return [*map(rules.told, targets), *standing]


def _key(ctx: Context, draft: Draft, pointer: str) -> Key:
    try:
        period = ctx.installation.calendar.named(draft.period)
    except PharosError as error:
        raise error.under(f"{pointer}/period") from None
    return Key(draft.scope, draft.scope_id, draft.metric, period, draft.currency or "")


async def _check_scopes(
    conn: Connection, drafts: Sequence[Draft], pointer: Callable[[int], str]
) -> None:
    known = await organisation.known(conn, {draft.scope_id for draft in drafts})
    for place, draft in enumerate(drafts):
        if (draft.scope, draft.scope_id) not in known:
            unknown = UnknownMemberScope if draft.scope is ScopeKind.MEMBER else UnknownScope
            raise unknown(scope_id=draft.scope_id, pointer=f"{pointer(place)}/scope_id")
