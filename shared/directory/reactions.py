"""What the organisation's events do to the directory of a service that is not the organisation's.

It begins with the source's first event. Where the log no longer reaches back, the consumer stops,
and a repair brings it to the snapshot.
"""

from collections.abc import Sequence

from shared.context import Context
from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection
from shared.directory import store, upkeep
from shared.directory.queries import CONSUMER, SOURCE
from shared.events.consumer import Projection, Subscription
from shared.events.envelope import Event
from shared.events.snapshot import Stretch


async def follow_organisation(conn: Connection, _: Context, events: Sequence[Event]) -> None:
    """Keep units, members, and where they belong at their highest versions."""
    await upkeep.apply(conn, [event.content for event in events if event.content is not None])


async def correct_organisation(conn: Connection, ctx: Context, stretch: Stretch) -> int:
    """Know the units and members of a snapshot, and no others."""
    return await upkeep.correct(conn, stretch, ctx.installation.partitions)


async def _nothing_to_tell(_: Connection, __: Context) -> None:
    """Nobody listens to the directory."""


DIRECTORY = Subscription(
    consumer=CONSUMER,
    source=SOURCE,
    handles=frozenset(
        contract.TYPE for contract in (UnitSaved, UnitPlaced, MemberSaved, MemberAssigned)
    ),
    react=follow_organisation,
    snapshot="organisation",
    correct=correct_organisation,
    projection=Projection(
        store.clear, follow_organisation, _nothing_to_tell, follows_from_facts=False
    ),
)
