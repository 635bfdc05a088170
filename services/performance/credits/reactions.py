"""What deals do to credits, and by them to incentives."""

from collections.abc import Sequence

from services.performance.credits import rules, store
from services.performance.incentives import commands as incentives
from services.performance.incentives.model import PayeePeriod
from shared.context import Context
from shared.contracts.pipeline import DEAL_EVENTS, DealFact
from shared.db import Connection
from shared.events import facts
from shared.events.consumer import Subscription
from shared.events.envelope import Event


async def post_deals(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Post what each new version of a deal counts for, less what the version before it did.

    Then the payees it touched are worked out again, once each for the batch, in the context of
    the last event that touched them.
    """
    contexts: dict[PayeePeriod, Context] = {}
    posted = []
    for change in await facts.advance(conn, events, DealFact):
        event = change.event
        for entry in rules.entries(
            change.before,
            change.after,
            cause_id=event.id,
            source=event.source,
            partition=event.partition,
            number=event.number,
            now=ctx.now,
        ):
            period = ctx.installation.calendar.quarter(entry.key.occurred_on)
            contexts[PayeePeriod(entry.key.payee_id, period.name)] = event.context(ctx)
            posted.append(entry)
    if posted:
        await store.append_many(conn, posted)
        await incentives.recalculate_many_in(conn, contexts, incentives.cause_of(events))


DEALS = Subscription(
    consumer="credits",
    source="pipeline",
    handles=DEAL_EVENTS,
    react=post_deals,
)
