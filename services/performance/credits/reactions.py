"""What deals do to credits, and by them to incentives."""

from collections.abc import Callable, Sequence

from services.performance.credits import rules, store
from services.performance.incentives import commands as incentives
from services.performance.incentives.model import Cause, PayeePeriod
from shared.context import Context
from shared.contracts.pipeline import DEAL_EVENTS, DealFact, undone
from shared.db import Connection
from shared.events import facts
from shared.events.consumer import Projection, Subscription
from shared.events.envelope import Event
from shared.events.facts import Change
from shared.events.snapshot import Stretch


async def post_deals(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Post what each new version of a deal counts for, less what the version before it did.

    Then the payees it touched are worked out again, once each for the batch, in the context of
    the last event that touched them.
    """
    cause = incentives.cause_of(events)
    changes = await facts.advance(conn, events, DealFact)
    contexts = await _post(conn, ctx, changes, cause, lambda event: event.context(ctx))
    if contexts:
        await incentives.recalculate_many_in(conn, contexts, cause)


async def correct_deals(conn: Connection, ctx: Context, stretch: Stretch) -> int:
    """Post what the pipeline's present deals count for, less what was posted of them."""
    cause = Cause("performance")
    changes = await facts.reconcile(conn, ctx, stretch, DEAL_EVENTS, DealFact, undone)
    contexts = await _post(conn, ctx, changes, cause, lambda _: ctx)
    if contexts:
        await incentives.recalculate_many_in(conn, contexts, cause)
    return len(changes)


async def post_deals_in_silence(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Post credits while their ledger is rebuilt; pay looks at the end of it."""
    changes = await facts.advance(conn, events, DealFact)
    await _post(conn, ctx, changes, incentives.cause_of(events), lambda _: ctx)


async def _post(
    conn: Connection,
    ctx: Context,
    changes: Sequence[Change[DealFact]],
    cause: Cause,
    told_in: Callable[[Event], Context],
) -> dict[PayeePeriod, Context]:
    """Post credits; return whose pay they touch, in the context of the last that did."""
    contexts: dict[PayeePeriod, Context] = {}
    posted = []
    for change in changes:
        event = change.event
        for entry in rules.entries(
            change.before,
            change.after,
            cause_id=event.id,
            source=cause.source,
            partition=event.partition,
            number=event.number,
            now=ctx.now,
        ):
            period = ctx.installation.calendar.quarter(entry.key.occurred_on)
            contexts[PayeePeriod(entry.key.payee_id, period.name)] = told_in(event)
            posted.append(entry)
    if posted:
        await store.append_many(conn, posted)
    return contexts


DEALS = Subscription(
    consumer="credits",
    source="pipeline",
    handles=DEAL_EVENTS,
    react=post_deals,
    snapshot="deals",
    correct=correct_deals,
    projection=Projection(
        store.clear,
        post_deals_in_silence,
        incentives.put_off_everybody_in,
        follows_from_facts=True,
    ),
)
