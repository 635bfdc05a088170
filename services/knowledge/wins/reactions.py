"""What deals do to the count of wins."""

from collections import Counter
from collections.abc import Sequence

from services.knowledge.wins import store
from shared.context import Context
from shared.contracts.pipeline import DEAL_EVENTS, DealFact, DealStage
from shared.db import Connection
from shared.events import facts
from shared.events.consumer import Subscription
from shared.events.envelope import Event
from shared.period import FiscalCalendar


async def count_wins(conn: Connection, ctx: Context, events: Sequence[Event]) -> None:
    """Count each deal in the quarter in which it is won, as long as it is."""
    calendar = ctx.installation.calendar
    added: Counter[tuple[str, int]] = Counter()
    for change in await facts.advance(conn, events, DealFact):
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


DEALS = Subscription(
    consumer="wins",
    source="pipeline",
    handles=DEAL_EVENTS,
    react=count_wins,
)
