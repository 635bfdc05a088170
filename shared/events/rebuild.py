"""Rebuilding: what a consumer derived is derived anew, beside the old, and takes its place at once.

Everything happens in one transaction that keeps the consumer from applying anything. Readers see
the old rows until it commits, and then the new ones, whole. Nothing is told a second time: a
projection posts in silence, and tells at most where it stands now.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.context import Context
from shared.db import Connection, Database, is_passing
from shared.errors import NotFound, Refused
from shared.events import facts, parking, repairs
from shared.events.consumer import Projection, Subscription
from shared.events.envelope import Event
from shared.events.feed import FeedClient, FeedTooShort, FeedUnavailable
from shared.events.sequence import contiguous
from shared.events.snapshot import START, Stretch, Tip
from shared.events.watermark import Position, Watermark

PAGE: Final = 500


class NothingToRebuild(NotFound):
    """The service has no such consumer, or it keeps nothing that follows from the log alone."""

    en = "There is no consumer {consumer} here whose figures can be rebuilt."
    zh = "此处没有可重建的消费者 {consumer}。"


class LogTooShort(Refused):
    """The source no longer keeps its first events."""

    en = (
        "{source} no longer keeps its log from the beginning. Where the facts that are kept here"
        " suffice, rebuild from these."
    )
    zh = "{source} 的日志已不再包含最初的事件；如本服务保存的事实足够，请从事实重建。"


class FactsInsufficient(Refused):
    """What this consumer derives does not follow from the facts that are kept."""

    en = "{consumer} keeps no facts of its own; rebuild it from the log of {source}."
    zh = "{consumer} 不保存事实数据，请从 {source} 的日志重建。"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many events were applied again, and how many could not be and are parked."""

    events: int
    parked: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One consumer of a service, to be rebuilt."""

    subscription: Subscription
    projection: Projection
    ctx: Context

    @classmethod
    def of(cls, subscriptions: Sequence[Subscription], consumer: str, ctx: Context) -> "Rebuild":
        """Return the rebuild of a consumer; raises NothingToRebuild."""
        for subscription in subscriptions:
            if subscription.consumer == consumer and subscription.projection is not None:
                return cls(subscription, subscription.projection, ctx)
        raise NothingToRebuild(consumer=consumer)

    async def from_log(self, database: Database, feed: FeedClient) -> Rebuilt:
        """Apply the source's log from its first event to its last, and go on behind that.

        A consumer that was stopped, because its source had been restored from an old backup, now
        says what the source says, and goes on. Raises LogTooShort and FeedUnavailable.
        """

        async def work(conn: Connection) -> Rebuilt:
            before = await self._begin(conn)
            await facts.forget(conn, self.subscription.source)
            done = Rebuilt(0, 0)
            for mark, position in before.items():
                number, event_id, known = 0, None, done.events
                # What was put aside is tried again, and put aside again where it still fails.
                await parking.settle_all(conn, *mark.labels, "replayed", self.ctx.actor)
                async for events in _log(feed, mark):
                    parked = await self._apply(conn, mark, events)
                    done = Rebuilt(done.events + len(events), done.parked + parked)
                    number, event_id = events[-1].number, events[-1].id
                await mark.resume(conn, number, event_id)
                reason = f"{repairs.REBUILT}the log"
                if position.stopped is not None:
                    reason = f"{reason}, having stopped: {position.stopped}"
                await self._note(conn, mark, Tip(number, event_id), reason, done.events - known)
            await self.projection.close(conn, self.ctx)
            return done

        return await database.transact(work)

    async def from_facts(self, database: Database) -> Rebuilt:
        """Derive everything from the facts that are kept; the consumer stays where it is.

        For a source whose log no longer reaches back. Each fact counts as it is now: one entry
        stands where there were several. Raises FactsInsufficient.
        """
        if not self.projection.follows_from_facts:
            source = self.subscription.source
            raise FactsInsufficient(consumer=self.subscription.consumer, source=source)

        async def work(conn: Connection) -> Rebuilt:
            before = await self._begin(conn)
            done = Rebuilt(0, 0)
            counts = dict.fromkeys(before, 0)
            async for events in facts.taken_again(conn, self.subscription.source, PAGE):
                for mark in before:
                    own = [event for event in events if event.partition == mark.partition]
                    parked = await self._apply(conn, mark, own) if own else 0
                    done = Rebuilt(done.events + len(own), done.parked + parked)
                    counts[mark] += len(own)
            for mark, position in before.items():
                tip = Tip(position.number, position.event_id)
                await self._note(conn, mark, tip, f"{repairs.REBUILT}the facts", counts[mark])
            await self.projection.close(conn, self.ctx)
            return done

        return await database.transact(work)

    def _marks(self) -> Sequence[Watermark]:
        subscription = self.subscription
        return [
            Watermark(subscription.consumer, subscription.source, partition)
            for partition in range(self.ctx.installation.partitions)
        ]

    async def _begin(self, conn: Connection) -> Mapping[Watermark, Position]:
        """Keep the consumer still and take away what it derived; return where it was."""
        found = {}
        for mark in self._marks():
            await mark.ensure(conn)
            if (position := await mark.held(conn)) is not None:
                found[mark] = position
        await self.projection.clear(conn)
        return found

    async def _note(
        self, conn: Connection, mark: Watermark, tip: Tip, reason: str, events: int
    ) -> None:
        """Put it on record: what was told before no longer fits, step by step, what is posted."""
        stretch = Stretch(mark.source, mark.partition, tip, START, None, ())
        await repairs.note(conn, self.ctx, mark, stretch, reason, corrected=events, discarded=0)

    async def _apply(self, conn: Connection, mark: Watermark, events: Sequence[Event]) -> int:
        """Apply events together, or else one by one; return how many had to be parked."""
        handles = self.subscription.handles
        if any(event.data is None and parking.concerns(event, handles) for event in events):
            raise FeedUnavailable(source=mark.source, reason="it withholds what must be read")
        discarded = await parking.discarded(conn, *mark.labels)
        kept = [event for event in events if (event.number, event.id) not in discarded]
        readable, unreadable = parking.decode_all(kept, handles)
        for event, error in unreadable:
            await parking.park(conn, mark.consumer, event, error)
        if not readable or await self._post(conn, readable) is None:
            return len(unreadable)
        parked = len(unreadable)
        for event in readable:
            if (refusal := await self._post(conn, [event])) is not None:
                await parking.park(conn, mark.consumer, event, refusal)
                parked += 1
        return parked

    async def _post(self, conn: Connection, events: Sequence[Event]) -> Exception | None:
        """Post events up to a savepoint, as of the day on which they happened; or say why not."""
        ctx = replace(self.ctx, now=events[-1].time)
        try:
            async with conn.transaction():
                await self.projection.post(conn, ctx, events)
        except Exception as error:
            if is_passing(error):
                raise
            return error
        return None


async def _log(feed: FeedClient, mark: Watermark) -> AsyncIterator[Sequence[Event]]:
    """Yield a source's log from its first event on, page by page."""
    number, event_id = 0, None
    while True:
        try:
            page = await feed.read(mark.source, mark.partition, number, PAGE)
        except FeedTooShort:
            raise LogTooShort(source=mark.source) from None
        events = contiguous(number, event_id, page.events)
        if not events:
            return
        yield events
        number, event_id = events[-1].number, events[-1].id
