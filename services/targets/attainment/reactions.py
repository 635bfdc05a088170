"""What deals do to attainment."""

from collections.abc import Sequence
from dataclasses import replace

from services.targets.attainment import commands, rules
from services.targets.attainment.model import Posting
from services.targets.org import queries as organisation
from services.targets.org.model import Organisation
from shared.context import Context
from shared.contracts.pipeline import DEAL_EVENTS, DealFact, DealStage, undone
from shared.db import Connection
from shared.events import facts
from shared.events.consumer import Projection, Subscription
from shared.events.envelope import Event
from shared.events.facts import Change
from shared.events.snapshot import Stretch
from shared.period import FiscalCalendar


async def post_deals(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Post what each new version of a deal counts for, less what the version before it did."""
    await commands.post_many_in(
        conn, ctx, await _postings(conn, ctx, events), {event.id: event for event in events}
    )


async def post_deals_in_silence(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Post what deals count for while the ledger is rebuilt; readers hear of the end of it."""
    await commands.post_in_silence(conn, ctx, await _postings(conn, ctx, events))


async def _postings(conn: Connection, ctx: Context, events: Sequence[Event]) -> list[Posting]:
    now = await organisation.held(conn)
    changes = await facts.advance(conn, events, DealFact)
    return [_posting(change, ctx.installation.calendar, now) for change in changes]


async def correct_deals(conn: Connection, ctx: Context, stretch: Stretch) -> int:
    """Post what the pipeline's present deals count for, less what was posted of them."""
    now = await organisation.held(conn)
    changes = await facts.reconcile(conn, ctx, stretch, DEAL_EVENTS, DealFact, undone)
    postings = [
        replace(_posting(change, ctx.installation.calendar, now), source="targets")
        for change in changes
    ]
    await commands.post_many_in(conn, ctx, postings, {})
    return len(changes)


def _posting(change: Change[DealFact], calendar: FiscalCalendar, now: Organisation) -> Posting:
    event, before = change.event, change.before
    return Posting(
        fact_id=change.after.deal_id,
        fact_version=change.after.version,
        cause_id=event.id,
        source=event.source,
        partition=event.partition,
        number=event.number,
        figures=rules.figures(change.after, now, calendar),
        # A deal that was not won has nothing in the ledger, so it need not be asked.
        fresh=before is None or before.stage is not DealStage.WON,
    )


DEALS = Subscription(
    consumer="attainment",
    source="pipeline",
    handles=DEAL_EVENTS,
    react=post_deals,
    snapshot="deals",
    correct=correct_deals,
    projection=Projection(
        commands.clear_in, post_deals_in_silence, commands.tell_all_in, follows_from_facts=True
    ),
)
