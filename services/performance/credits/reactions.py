"""What deals do to credits, and by them to incentives."""

from collections.abc import Callable, Sequence

from services.performance.credits import rules, store
from services.performance.incentives import commands as incentives
from services.performance.incentives.model import Cause, PayeePeriod
from shared.context import Context
from shared.contracts.pipeline import DEAL_EVENTS, DealFact, undone
from shared.db import Connection
from shared.events import facts
from shared.events.consumer import Subscription
from shared.events.envelope import Event
from shared.events.facts import Change
from shared.events.snapshot import Stretch


async def post_deals(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Post what each new version of a deal counts for, less what the version before it did.

    Then the payees it touched are worked out again, once each for the batch, in the context of
    the last event that touched them.
    """
    changes = await facts.advance(conn, events, DealFact)
    cause = incentives.cause_of(events)
    await _post(conn, ctx, changes, cause, lambda event: event.context(ctx))


async def correct_deals(conn: Connection, ctx: Context, stretch: Stretch) -> int:
    """Post what the pipeline's present deals count for, less what was posted of them."""
    changes = await facts.reconcile(conn, ctx, stretch, DEAL_EVENTS, DealFact, undone)
    await _post(conn, ctx, changes, Cause("performance"), lambda _: ctx)
    return len(changes)


async def _post(
    conn: Connection,
    ctx: Context,
    changes: Sequence[Change[DealFact]],
    cause: Cause,
    told_in: Callable[[Event], Context],
) -> None:
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
        await incentives.recalculate_many_in(conn, contexts, cause)


DEALS = Subscription(
    consumer="credits",
    source="pipeline",
    handles=DEAL_EVENTS,
    react=post_deals,
    snapshot="deals",
    correct=correct_deals,
)
