"""The relay: gives committed events dense numbers and links, then publishes them in order.

One is active per schema and partition. A number is given after the commit, so that no reader can
pass one that commits late; it is given in the order of the outbox, so events of one aggregate
keep theirs. While the broker is away numbers are still given and the feed serves them.
"""

import contextlib
from collections.abc import Sequence
from typing import Final, LiteralString

from shared import clock
from shared.db import UNAVAILABLE, Database, DatabaseUnavailable
from shared.events import log as event_log
from shared.events.broker import Broker, BrokerUnavailable
from shared.events.doorbell import Doorbell
from shared.events.envelope import Event
from shared.events.lease import Lease
from shared.failpoints import reach
from shared.logs import logger
from shared.metrics import Metrics

log = logger(__name__)

BATCH = 1_000
BUSY_SECONDS = 0.05
IDLE_SECONDS = 0.25
PING_SECONDS = 1.0
AWAY_SECONDS = 0.5

# The outbox is taken by a range of ids, not by joining them: it is mostly empty, so a plan made
# then reads it from end to end, once for the range but once for every row of a join. An empty one
# locks nothing, so that a look in vain writes nothing.
_NUMBER: Final[LiteralString] = """
    WITH last AS MATERIALIZED (
        SELECT max(id) AS id
          FROM (SELECT id FROM outbox WHERE partition = $4 ORDER BY id LIMIT $5) AS pending),
    held AS MATERIALIZED (
        SELECT name
          FROM lease
         WHERE name = $1 AND holder = $2 AND fence = $3
           AND (SELECT id FROM last) IS NOT NULL
           FOR UPDATE),
    head AS MATERIALIZED (
        SELECT head, head_event_id
          FROM relay
         WHERE partition = $4 AND EXISTS (SELECT FROM held)
           FOR UPDATE),
    taken AS (
        DELETE FROM outbox AS o
         USING last, head
         WHERE o.partition = $4 AND o.id <= last.id
        RETURNING o.id, o.event_id, o.type, o.aggregate_id, o.aggregate_version, o.occurred_at,
                  o.correlation_id, o.causation_id, o.origin, o.traceparent, o.client, o.payload),
    numbered AS MATERIALIZED (
        SELECT head.head + row_number() OVER (ORDER BY taken.id) AS number,
               coalesce(lag(taken.event_id) OVER (ORDER BY taken.id), head.head_event_id)
                   AS previous_event_id,
               taken.event_id, taken.type, taken.aggregate_id, taken.aggregate_version,
               taken.occurred_at, taken.correlation_id, taken.causation_id, taken.origin,
               taken.traceparent, taken.client, taken.payload
          FROM taken CROSS JOIN head),
    moved AS (
        UPDATE relay
           SET head = newest.number, head_event_id = newest.event_id
          FROM (SELECT number, event_id FROM numbered ORDER BY number DESC LIMIT 1) AS newest
         WHERE relay.partition = $4),
    logged AS (
        INSERT INTO event_log (
            partition, number, event_id, previous_event_id, type, aggregate_id,
            aggregate_version, occurred_at, correlation_id, causation_id, origin, traceparent,
            client, payload)
        SELECT $4, number, event_id, previous_event_id, type, aggregate_id,
               aggregate_version, occurred_at, correlation_id, causation_id, origin, traceparent,
               client, payload
          FROM numbered)
    SELECT number, event_id, previous_event_id, type, aggregate_id, aggregate_version,
           occurred_at, correlation_id, causation_id, origin, traceparent, payload
      FROM numbered
     ORDER BY number
"""
_ACKNOWLEDGE: Final[LiteralString] = """
    UPDATE relay SET acknowledged = $2 WHERE partition = $1 AND acknowledged < $2
"""


class Relay:
    """Sequencer and publisher of one partition of a service's events."""

    def __init__(
        self,
        source: str,
        partition: int,
        database: Database,
        broker: Broker,
        doorbell: Doorbell,
        metrics: Metrics,
        lease_seconds: float,
    ) -> None:
        self._source = source
        self._partition = partition
        self._database = database
        self._broker = broker
        self._doorbell = doorbell
        self._metrics = metrics
        self._lease = Lease.of(f"relay:{partition}", lease_seconds)
        self._lease_seconds = lease_seconds
        self._head = 0
        self._published = 0
        self._acknowledged = 0
        self._renewed = self._pinged = 0.0
        self._retry_publish = 0.0
        self._stream_ready = False

    @property
    def lease(self) -> Lease:
        """Return the lease under which it works."""
        return self._lease

    async def run(self) -> None:
        """Work until cancelled; whatever goes wrong outside is waited out."""
        forget = self._broker.on_reconnect(self._on_reconnect)
        try:
            while True:
                try:
                    await self._lead()
                except (DatabaseUnavailable, *UNAVAILABLE) as error:
                    log.warning("relay_waits", source=self._source, error=repr(error))
                    await clock.pause(AWAY_SECONDS)
        finally:
            forget()
            self._doorbell.leave()
            with contextlib.suppress(DatabaseUnavailable, *UNAVAILABLE):
                await self._lease.release(self._database)

    def _on_reconnect(self) -> None:
        self._stream_ready = False
        self._retry_publish = 0
        self._doorbell.ring_here()

    async def _lead(self) -> None:
        if not await self._lease.take(self._database):
            self._doorbell.leave()
            await clock.pause(self._lease_seconds / 3)
            return
        await reach("relay.leading")
        await self._recall()
        self._doorbell.lead()
        while self._lease.held:
            fresh = await self._number()
            await self._tend(grown=bool(fresh))  # before the events, to travel in one packet
            await self._publish(fresh)
            if len(fresh) < BATCH and not self._behind:
                # Every commit rings, here or as a hint from another replica; looking is for the
                # case that a hint was lost, and more often while none can come.
                connected = self._broker.connected
                await self._doorbell.wait(IDLE_SECONDS if connected else BUSY_SECONDS)

    @property
    def _behind(self) -> bool:
        """Tell whether the broker can be given more right now."""
        reachable = self._broker.connected and clock.monotonic() >= self._retry_publish
        return reachable and self._published < self._head

    async def _recall(self) -> None:
        async with self._database.acquire() as conn:
            self._head = await event_log.head(conn, self._partition)
            self._acknowledged = await event_log.acknowledged(conn, self._partition)
        self._published = self._acknowledged
        self._renewed = clock.monotonic()

    async def _number(self) -> Sequence[Event]:
        """Number what has been committed; one statement, a transaction of its own."""
        lease = self._lease
        await reach("relay.numbering")
        async with self._database.acquire() as conn:
            rows = await conn.fetch(
                _NUMBER, lease.name, lease.holder, lease.fence, self._partition, BATCH
            )
        events = [event_log.to_event(row, self._source, self._partition) for row in rows]
        if events:
            await reach("relay.numbered")
            self._head = events[-1].number
            self._doorbell.numbered()
            self._metrics.relayed.labels(self._partition).inc(len(events))
            self._metrics.head.labels(self._partition).set(self._head)
        return events

    async def _publish(self, fresh: Sequence[Event]) -> None:
        if not self._behind:
            return
        try:
            if not self._stream_ready:
                await self._broker.ensure_stream(self._source)
                self._stream_ready = True
            if fresh and fresh[0].number == self._published + 1:
                await self._send(fresh)
            elif self._published < self._head:  # a page a turn, so that numbers never wait
                await self._send(await self._backlog())
        except BrokerUnavailable:
            self._stream_ready = False
            self._retry_publish = clock.monotonic() + AWAY_SECONDS

    async def _backlog(self) -> Sequence[Event]:
        async with self._database.acquire() as conn:
            events = await event_log.read(
                conn, self._source, self._partition, after=self._published, limit=BATCH
            )
            if not events:  # older than what is kept: readers that need it are told by the feed
                lowest = await event_log.floor(conn, self._partition)
                self._published = lowest - 1 if lowest else self._head
        return events

    async def _send(self, events: Sequence[Event]) -> None:
        if events:
            await reach("relay.publishing")
            await self._broker.publish(events)
            await reach("relay.published")
            self._published = events[-1].number

    async def _tend(self, *, grown: bool) -> None:
        """Tell the head; now and then renew the lease and remember what was acknowledged."""
        now = clock.monotonic()
        if now - self._renewed > self._lease_seconds / 3:
            self._renewed = now
            await self._lease.renew(self._database)
        due = now - self._pinged > PING_SECONDS
        if due:
            self._pinged = now
            await self._remember()
        if due or grown:
            await self._broker.tell(f"head.{self._source}.{self._partition}", str(self._head))

    async def _remember(self) -> None:
        if self._published > self._acknowledged:
            async with self._database.acquire() as conn:
                await conn.execute(_ACKNOWLEDGE, self._partition, self._published)
            await reach("relay.remembered")
            self._acknowledged = self._published
            self._metrics.acknowledged.labels(self._partition).set(self._acknowledged)
