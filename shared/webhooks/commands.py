"""What can be asked of webhooks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from shared.audit.model import Change
from shared.context import Context
from shared.db import Connection
from shared.errors import Refused
from shared.events import outbox
from shared.ids import new_id
from shared.webhooks import endpoints, matching, queries, signing, store
from shared.webhooks.endpoints import Reach
from shared.webhooks.model import (
    NOUN,
    WEBHOOKS_MAX,
    Health,
    Owner,
    Resumption,
    State,
    Terms,
    Webhook,
    audited,
)
from shared.webhooks.queries import WebhookNotFound


class TooManyWebhooks(Refused):
    """A service tells a bounded number of receivers."""

    en = "There are {count} webhooks already. Delete one first."
    zh = "已有 {count} 个 Webhook，请先删除一个。"


class WebhookTooFarBehind(Refused):
    """The log no longer has what comes next, and nothing is left out silently."""

    en = (
        "{missed} events behind its position are no longer kept. Send resume with 'oldest' to go "
        "on with the oldest that is, or with 'now'; the current facts are at /v1/snapshots."
    )
    zh = (
        "其位置之后的 {missed} 个事件已不再保留。请在 resume 中发送 'oldest' 从最早保留的事件继续，"
        "或发送 'now'；当前数据见 /v1/snapshots。"
    )


@dataclass(frozen=True, slots=True)
class House:
    """What a webhook must fit into: whose events it tells, and how far it may go."""

    service: str
    reach: Reach


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; whoever does not manage all webhooks has only those that they made."""

    owner: Owner
    manages_all: bool

    @property
    def scope(self) -> Owner | None:
        """Return whose webhooks this caller sees, None for everybody's."""
        return None if self.manages_all else self.owner


Known = tuple[Webhook, Health]
Edit = Callable[[Webhook], Webhook]
_FRESH = Health(0, 0, 0, 0, None, None)


async def create(
    conn: Connection, ctx: Context, *, house: House, caller: Caller, terms: Terms
) -> Known:
    """Make a webhook that is told of what happens from now on.

    Raises TooManyWebhooks and what `endpoints.check`, `matching.check_types` and
    `matching.canonical` raise.
    """
    endpoints.check(terms.url, house.reach)
    matching.check_types(house.service, terms.types, caller.owner)
    terms = replace(terms, condition=matching.canonical(house.service, terms))
    count = await store.count(conn)
    if count >= WEBHOOKS_MAX:
        raise TooManyWebhooks(count=count)
    webhook = Webhook(
        id=new_id(),
        version=1,
        terms=terms,
        state=State.ACTIVE,
        reason=None,
        secret=signing.new_secret(),
        former_secret=None,
        former_until=None,
        owner=caller.owner,
        made_at=ctx.now,
        changed_at=ctx.now,
    )
    await store.add(conn, webhook)
    await _note(conn, ctx, "created", None, webhook)
    return webhook, _FRESH


async def change(
    conn: Connection,
    ctx: Context,
    *,
    house: House,
    caller: Caller,
    webhook_id: UUID,
    edit: Edit,
    resume: Resumption,
) -> Known:
    """Change a webhook; without a change nothing is written.

    Whoever changes another's webhook does not widen what it is told: that stays what its owner may
    read. Raises WebhookNotFound, VersionChanged, WebhookTooFarBehind, and what `create` raises.
    """
    known = await _locked(conn, ctx, webhook_id, caller)
    webhook = edit(known)
    if webhook.owner.same(caller.owner):
        webhook = replace(webhook, owner=caller.owner)
    if webhook.terms.url != known.terms.url:
        endpoints.check(webhook.terms.url, house.reach)
    if webhook.terms.types != known.terms.types:
        matching.check_types(house.service, webhook.terms.types, webhook.owner)
    active_again = webhook.state is State.ACTIVE and known.state is not State.ACTIVE
    if active_again or _selection(webhook) != _selection(known):
        condition = matching.canonical(house.service, webhook.terms)
        webhook = replace(webhook, terms=replace(webhook.terms, condition=condition))
    if active_again:
        await _resume(conn, webhook_id, resume)
        webhook = replace(webhook, reason=None)
    if webhook != known:
        webhook = replace(webhook, version=known.version + 1, changed_at=ctx.now)
        await store.save(conn, webhook)
        await _note(conn, ctx, "changed", known, webhook)
    return await queries.one(conn, webhook_id)


def _selection(webhook: Webhook) -> tuple[object, ...]:
    return webhook.terms.types, webhook.terms.condition


async def _resume(conn: Connection, webhook_id: UUID, resume: Resumption) -> None:
    if resume is Resumption.NOW:
        await store.move_to_head(conn, webhook_id)
    elif resume is Resumption.OLDEST:
        await store.move_to_oldest(conn, webhook_id)
    elif missed := await queries.missed(conn, webhook_id):
        raise WebhookTooFarBehind(missed=missed, pointer="/resume")
    await store.heal(conn, webhook_id)


async def rotate(
    conn: Connection, ctx: Context, *, caller: Caller, webhook_id: UUID, overlap: timedelta
) -> Known:
    """Give a webhook a new secret; the present one signs too for a while.

    A secret that was still signing from the rotation before ends now. Raises WebhookNotFound and
    VersionChanged.
    """
    known = await _locked(conn, ctx, webhook_id, caller)
    webhook = replace(
        known,
        version=known.version + 1,
        secret=signing.new_secret(),
        former_secret=known.secret if overlap else None,
        former_until=ctx.now + overlap if overlap else None,
        changed_at=ctx.now,
    )
    await store.save(conn, webhook)
    await _note(conn, ctx, "rotated", known, webhook)
    return await queries.one(conn, webhook_id)


async def delete(conn: Connection, ctx: Context, *, caller: Caller, webhook_id: UUID) -> None:
    """Delete a webhook; raises WebhookNotFound and VersionChanged."""
    known = await _locked(conn, ctx, webhook_id, caller)
    await store.delete(conn, webhook_id)
    await _note(conn, ctx, "deleted", known, None)


async def _note(
    conn: Connection, ctx: Context, action: str, before: Webhook | None, after: Webhook | None
) -> None:
    """Put a change of a webhook into the audit trail, without its secrets."""
    webhook = after or before
    if webhook is not None:
        was, state = [None if one is None else audited(one) for one in (before, after)]
        change = Change(NOUN, action, str(webhook.id), webhook.version, was, state)
        await outbox.note(conn, ctx, change)


async def _locked(conn: Connection, ctx: Context, webhook_id: UUID, caller: Caller) -> Webhook:
    webhook = await store.lock(conn, webhook_id)
    if webhook is None or not (caller.manages_all or webhook.owner.same(caller.owner)):
        raise WebhookNotFound(webhook_id=webhook_id)
    ctx.check(webhook.version)
    return webhook
