"""The consumer: applies a source's events exactly once, in order, in batches.

What makes it exactly once is the watermark, which moves in the transaction of the effect. What
makes it whole is the number: a gap is filled from the source's feed, a broken link stops it.

The broker only carries, and others may write to it. So nothing is parked and nobody is stopped on
its word alone: what does not link, cannot be read or is refused is read again from the feed, which
serves the source's own log.
"""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from shared import clock
from shared.auth.client import IssuerUnavailable
from shared.context import Context
from shared.db import UNAVAILABLE, Connection, Database, DatabaseUnavailable
from shared.events import parking
from shared.events.broker import Broker, BrokerUnavailable
from shared.events.envelope import Event
from shared.events.feed import FeedClient, FeedTooShort, FeedUnavailable
from shared.events.lease import Lease
from shared.events.pull import Pull
from shared.events.sequence import Gap, LinkBroken, contiguous
from shared.events.snapshot import Correct
from shared.events.watermark import LeaseLost, Position, Watermark
from shared.failpoints import reach
from shared.logs import logger
from shared.metrics import Metrics

log = logger(__name__)

BATCH = 500
IDLE_SECONDS = 2.0
LAG_SECONDS = 5.0
AWAY_SECONDS = 0.5
AWAY_SECONDS_MAX = 10.0
PATIENCE_SECONDS = 5.0

Reaction: TypeAlias = Callable[[Connection, Context, Sequence[Event]], Awaitable[None]]
_AWAY = (
    BrokerUnavailable,
    FeedUnavailable,
    IssuerUnavailable,
    DatabaseUnavailable,
    LeaseLost,
    *UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Projection:
    """What a consumer derives from its source, and how it is derived anew.

    ``clear`` takes it away and keeps whoever else writes it out until the caller's transaction
    ends; what people decided and what was paid stays. ``post`` derives, as the reaction does, but
    tells nobody. ``close`` says where things stand once all is there.
    """

    clear: Callable[[Connection], Awaitable[None]]
    post: Reaction
    close: Callable[[Connection, Context], Awaitable[None]]
    follows_from_facts: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a service listens to: a source, the event types it handles, and what it does.

    ``react`` gets the events it handles, decoded and in order, inside the transaction that moves
    the watermark; ``event.context(ctx)`` is the context of what answers one of them. It may be
    called again with the same events after a rollback.

    ``snapshot`` names the source's snapshot of what it handles, ``correct`` brings the reader to
    a stretch of that, in a transaction that holds the watermark: the way on after a restore.
    """

    consumer: str
    source: str
    handles: frozenset[str]
    react: Reaction
    snapshot: str = ""
    correct: Correct | None = None
    projection: Projection | None = None


class Consumer:
    """One subscription on one partition, active in one process at a time."""

    def __init__(
        self,
        subscription: Subscription,
        partition: int,
        database: Database,
        broker: Broker,
        feed: FeedClient,
        metrics: Metrics,
        contexts: Callable[[], Context],
        lease_seconds: float,
    ) -> None:
        self._subscription = subscription
        self._database = database
        self._broker = broker
        self._feed = feed
        self._metrics = metrics
        self._contexts = contexts
        self._mark = Watermark(subscription.consumer, subscription.source, partition)
        self._lease = Lease.of(self._mark.name, lease_seconds)
        self._position = Position(0, None, None, None)
        self._renewed = self._looked = 0.0
        self._pull: Pull | None = None
        self._away = AWAY_SECONDS
        self._limit = BATCH

    @property
    def lease(self) -> Lease:
        """Return the lease under which it works."""
        return self._lease

    async def run(self) -> None:
        """Work until cancelled; whatever is away is waited for with a growing, jittered pause."""
        try:
            while True:
                try:
                    await self._lead()
                except (LinkBroken, FeedTooShort) as error:
                    await self._stop(str(error))
                except _AWAY as error:
                    log.info("consumer_waits", consumer=self._mark.name, error=repr(error))
                    self._lease.lost()
                    if isinstance(error, DatabaseUnavailable):
                        # It may be the batch that takes too long: as it is it always would.
                        self._limit = max(1, self._limit // 2)
                    await clock.pause(self._away)
                    self._away = min(self._away * 2, AWAY_SECONDS_MAX)
                finally:
                    await self._close_pull()
        finally:
            with contextlib.suppress(*_AWAY):
                await self._lease.release(self._database)

    async def _lead(self) -> None:
        if not await self._lease.take(self._database):
            await clock.pause(self._lease.seconds / 3)
            return
        await reach("consumer.leading")
        self._renewed = clock.monotonic()
        self._position = await self._mark.read(self._database)
        self._metrics.watermark.labels(*self._mark.labels).set(self._position.number)
        self._metrics.stopped.labels(*self._mark.labels).set(self._position.stopped is not None)
        if self._position.stopped is not None:
            await self._measure()
            await clock.pause(self._lease.seconds)
            return
        await self._glance()  # for the head; a backlog comes faster from the broker
        while self._lease.held:
            await self._step(await self._take())

    async def _take(self) -> Sequence[Event]:
        """Return what the broker has; without a broker the feed is asked instead."""
        try:
            if self._pull is None:
                self._pull = await Pull.open(
                    self._broker, self._mark.source, self._mark.partition, self._position.stream
                )
            # A lease that runs out while nothing happens would go back and forth between processes.
            return await self._pull.take(self._limit, min(IDLE_SECONDS, self._lease.seconds / 3))
        except BrokerUnavailable:
            await self._close_pull()
            await clock.pause(AWAY_SECONDS)
            await self._catch_up()
            return ()

    async def _step(self, events: Sequence[Event]) -> None:
        try:
            batch = contiguous(self._position.number, self._position.event_id, events)
        except Gap as gap:
            self._metrics.gaps.labels(*self._mark.labels).inc()
            log.info("gap", consumer=self._mark.name, after=gap.after, before=gap.before)
            await self._catch_up()
            return
        except LinkBroken as error:
            log.warning("carried_in_vain", consumer=self._mark.name, error=str(error))
            await self._catch_up()  # the log decides: it goes on, or the link is broken there too
            return
        if batch and not await self._believed(batch):
            log.warning("carried_in_vain", consumer=self._mark.name, number=batch[-1].number)
            await self._catch_up()
            return
        if batch:
            await self._apply_carried(batch)
        since = clock.monotonic() - self._looked
        if not events and since > IDLE_SECONDS / 2:
            await self._glance()
        elif since > LAG_SECONDS:
            await self._measure()
        await self._keep_lease()

    async def _believed(self, batch: Sequence[Event]) -> bool:
        """Tell whether these events are the source's; what came live is.

        The stream may hold a history that the source lost when it was restored, and it links to
        what we know. So the source is asked for the last of what the stream held before we came;
        if it does not answer for a while, the stream is believed: a phantom is found out later.
        """
        last, pull = batch[-1], self._pull
        if pull is None or last.stream_sequence is None or last.stream_sequence > pull.held:
            return True
        until = clock.monotonic() + PATIENCE_SECONDS
        while clock.monotonic() < until:
            try:
                page = await self._feed.read(
                    self._mark.source, self._mark.partition, last.number - 1, limit=1
                )
            except FeedTooShort:
                return True
            except (FeedUnavailable, IssuerUnavailable):
                await clock.pause(AWAY_SECONDS)
                await self._keep_lease()
            else:
                return bool(page.events) and page.events[0].id == last.id
        pull.held = 0
        return True

    async def _catch_up(self) -> None:
        """Apply what the feed has beyond the watermark; what the broker still brings is dropped."""
        while await self._look():
            await self._keep_lease()

    async def _glance(self) -> None:
        """Look whether the broker kept something back; a feed that is away is asked again later."""
        try:
            await self._look()
        except (FeedUnavailable, IssuerUnavailable) as error:
            log.info("feed_away", consumer=self._mark.name, error=repr(error))
            self._looked = clock.monotonic()

    async def _measure(self) -> None:
        """Tell how far the source's head is away, whatever becomes of what is between."""
        with contextlib.suppress(FeedUnavailable, IssuerUnavailable, FeedTooShort):
            page = await self._feed.read(
                self._mark.source, self._mark.partition, self._position.number, limit=1
            )
            self._metrics.lag.labels(*self._mark.labels).set(page.head - self._position.number)
        self._looked = clock.monotonic()

    async def _look(self) -> bool:
        """Apply a page of what the feed has beyond the watermark; False when there was nothing."""
        page = await self._feed.read(
            self._mark.source, self._mark.partition, self._position.number, self._limit
        )
        self._looked = clock.monotonic()
        own = self._contexts().installation.partitions
        if page.partitions != own:
            reason = f"it has {page.partitions} partitions, this service is set to {own}"
            raise FeedUnavailable(source=self._mark.source, reason=reason)
        lag = page.head - self._position.number
        self._metrics.lag.labels(*self._mark.labels).set(lag)
        if lag < 0:
            raise LinkBroken(
                f"{self._mark.source} is at event {page.head}, this consumer already at "
                f"{self._position.number}: the source was restored from an old backup."
            )
        known = self._position.event_id
        if lag == 0 and page.head_event_id != known and None not in (page.head_event_id, known):
            raise LinkBroken(
                f"Event {page.head} of {self._mark.source} is {page.head_event_id}, but {known} "
                f"was applied as such: the source was restored from an old backup."
            )
        batch = contiguous(self._position.number, self._position.event_id, page.events)
        if batch:
            await reach("consumer.fed")
            await self._apply(batch)
        return bool(batch)

    async def _keep_lease(self) -> None:
        now = clock.monotonic()
        if now - self._renewed > self._lease.seconds / 3:
            self._renewed = now
            await self._lease.renew(self._database)

    async def _apply_carried(self, batch: Sequence[Event]) -> None:
        """Apply what the broker brought; if that fails, what the log has in its place."""
        try:
            await self._apply_together(batch, park=False)
        except _AWAY:
            raise
        except Exception as error:
            log.warning("carried_in_vain", consumer=self._mark.name, error=repr(error))
            await self._look()

    async def _apply(self, batch: Sequence[Event]) -> None:
        """Apply a batch of the log in one transaction; if it fails, one by one, parking."""
        if any(event.data is None and self._handles(event) for event in batch):
            reason = "it withholds what this service must read; give its client the role"
            raise FeedUnavailable(source=self._mark.source, reason=reason)
        try:
            await self._apply_together(batch, park=True)
        except _AWAY:
            raise
        except Exception as error:
            log.warning("batch_failed", consumer=self._mark.name, error=repr(error))
            await reach("consumer.refused")
            for event in batch:
                await self._apply_alone(event)

    def _handles(self, event: Event) -> bool:
        """Tell whether the event is of a type that is handled here, in whatever version."""
        return parking.concerns(event, self._subscription.handles)

    async def _apply_together(self, batch: Sequence[Event], *, park: bool) -> None:
        """Apply events in one transaction; what cannot be read is parked, or raised."""
        created = None if self._pull is None else self._pull.created
        after = self._position.after(batch[-1], created)

        async def work(conn: Connection) -> int:
            await self._mark.advance(conn, self._lease, self._position, after)
            await reach("consumer.advanced")
            readable, unreadable = parking.decode_all(batch, self._subscription.handles)
            if unreadable and not park:
                raise unreadable[0][1]
            if readable:
                await self._subscription.react(conn, self._contexts(), readable)
            for event, error in unreadable:
                await parking.park(conn, self._mark.consumer, event, error)
            await reach("consumer.committing")
            return len(unreadable)

        parked = await self._database.transact(work)
        await reach("consumer.committed")
        self._moved(after, len(batch), parked)

    async def _apply_alone(self, event: Event) -> None:
        try:
            await self._apply_together([event], park=True)
        except _AWAY:
            raise
        except Exception as error:
            await self._park(event, error)

    async def _park(self, event: Event, error: Exception) -> None:
        after = self._position.after(event, None)

        async def work(conn: Connection) -> None:
            await self._mark.advance(conn, self._lease, self._position, after)
            await parking.park(conn, self._mark.consumer, event, error)
            await reach("consumer.parking")

        await self._database.transact(work)
        log.error("event_parked", consumer=self._mark.name, number=event.number, error=repr(error))
        self._moved(after, 1, 1)

    def _moved(self, after: Position, applied: int, parked: int) -> None:
        self._position = after
        self._away = AWAY_SECONDS
        self._limit = min(BATCH, self._limit + self._limit // 8 + 1)
        self._metrics.consumed.labels(*self._mark.labels).inc(applied)
        self._metrics.parked.labels(*self._mark.labels).inc(parked)
        self._metrics.watermark.labels(*self._mark.labels).set(after.number)

    async def _stop(self, reason: str) -> None:
        log.error("consumer_stopped", consumer=self._mark.name, reason=reason)
        with contextlib.suppress(*_AWAY):
            await self._mark.stop(self._database, reason)

    async def _close_pull(self) -> None:
        pull, self._pull = self._pull, None
        if pull is not None:
            await pull.close()
