"""What deals do to the count of wins."""

from collections import Counter
from collections.abc import Sequence

from services.knowledge.wins import store
from shared.context import Context
from shared.contracts.pipeline import DEAL_EVENTS, DealFact, DealStage, undone
from shared.db import Connection
from shared.events import facts
from shared.events.consumer import Projection, Subscription
from shared.events.envelope import Event
from shared.events.facts import Change
from shared.events.snapshot import Stretch
from shared.period import FiscalCalendar


async def count_wins(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Count each deal in the quarter in which it is won, as long as it is."""
    await _count(conn, await facts.advance(conn, events, DealFact), ctx.installation.calendar)


async def correct_wins(conn: Connection, ctx: Context, stretch: Stretch) -> int:
    """Count the wins among the pipeline's present deals, and no others."""
    changes = await facts.reconcile(conn, ctx, stretch, DEAL_EVENTS, DealFact, undone)
    await _count(conn, changes, ctx.installation.calendar)
    return len(changes)


async def _count(
    conn: Connection, changes: Sequence[Change[DealFact]], calendar: FiscalCalendar
) -> None:
    added: Counter[tuple[str, int]] = Counter()
    for change in changes:
        partition = change.event.partition
        if (period := _won_in(change.after, calendar)) is not None:
            added[period, partition] += 1
        if (period := _won_in(change.before, calendar)) is not None:
            added[period, partition] -= 1
    await store.add_many(conn, added)


def _won_in(deal: DealFact | None, calendar: FiscalCalendar) -> str | None:
    if deal is None or deal.stage is not DealStage.WON or deal.closed_on is None:
        return None
    return calendar.quarter(deal.closed_on).name


async def _nothing_to_tell(_: Connection, __: Context) -> None:
    """Nobody listens to the counts."""


DEALS = Subscription(
    consumer="wins",
    source="pipeline",
    handles=DEAL_EVENTS,
    react=count_wins,
    snapshot="deals",
    correct=correct_wins,
    projection=Projection(store.clear, count_wins, _nothing_to_tell, follows_from_facts=True),
)
