"""The chain by bare statements: what the hops of ours cost at least, one win after the other."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.pipeline.deals import rules
from shared.context import Context
from shared.contracts.pipeline import DealStage
from shared.events import log as event_log
from shared.events import outbox, relay
from shared.events.broker import Broker
from shared.ids import new_id
from tests.performance.bare_route import deal
from tests.performance.installation import Installation, connected

HOPS = ("pipeline", "targets", "performance")
SECONDS_MAX = 5
_HOLDER = UUID("0192d7a4-5d1c-7c3e-8f00-000000000002")
_MARK = ("bare", "bare", 0)
_LEASE = """
    INSERT INTO lease (name, holder, fence, expires_at) VALUES ('bare', $1, 1, 'infinity')
"""
_RELAY = "INSERT INTO relay (partition) VALUES (0)"
MAKE_MARK = "INSERT INTO watermark (consumer, source, partition) VALUES ($1, $2, $3)"
MOVE_MARK = """
    UPDATE watermark SET number = $4 WHERE consumer = $1 AND source = $2 AND partition = $3
"""
_LOCK_MARK = """
    SELECT number
      FROM watermark
     WHERE consumer = $1 AND source = $2 AND partition = $3
       FOR UPDATE
"""


@dataclass(slots=True)
class Hop:
    """One service, bare: a small transaction, its number, its publication, its delivery."""

    name: str
    conn: "asyncpg.Connection[asyncpg.Record]"
    broker: Broker
    streamed: asyncio.Queue[Msg] = field(default_factory=asyncio.Queue)
    heard: asyncio.Queue[float] = field(default_factory=asyncio.Queue)
    """When its messages reached a plain subscription."""

    async def commit(self) -> None:
        """Move a watermark and append an event, in one transaction."""
        before, after = deal(new_id(), DealStage.OPEN), deal(new_id(), DealStage.WON)
        ctx = Context("bench", datetime.now(UTC), new_id())
        async with self.conn.transaction():
            number = await self.conn.fetchval(_LOCK_MARK, *_MARK)
            await self.conn.execute(outbox.APPEND, outbox.rows([(ctx, rules.told(before, after))]))
            await self.conn.execute(MOVE_MARK, *_MARK, number + 1)

    async def forward(self) -> None:
        """Number what was committed and publish it; return when the stream has it."""
        rows = await self.conn.fetch(relay._NUMBER, "bare", _HOLDER, 1, 0, relay.BATCH)
        await self.broker.publish([event_log.to_event(row, self.name, 0) for row in rows])

    async def listen(self, client: Client) -> None:
        """Hear what is published, as a plain subscriber and as a reader of the stream."""

        async def note(_: Msg) -> None:
            self.heard.put_nowait(time.perf_counter())

        await client.subscribe(f"bare.{self.name}.>", cb=note)
        await client.jetstream().subscribe(
            f"bare.{self.name}.>", cb=self.streamed.put, ordered_consumer=True
        )


async def run(hops: Sequence[Hop]) -> Sequence[float]:
    """Go through the hops once; return when each event was heard, in seconds after the commit."""
    heard: list[float] = []
    async with asyncio.timeout(SECONDS_MAX):
        await hops[0].commit()
        began = time.perf_counter()
        for hop in hops:
            if heard:
                await hop.commit()
            forwarding = asyncio.create_task(hop.forward())
            await hop.streamed.get()
            heard.append(await hop.heard.get() - began)
            await forwarding
    return heard


@asynccontextmanager
async def bare_hops(installation: Installation) -> AsyncIterator[Sequence[Hop]]:
    """Give the bare services, each with its tables, its stream and its subscriptions."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(connected(installation.nats_url, "bare"))
        client = await nats.connect(installation.nats_url)
        stack.push_async_callback(client.close)
        hops = []
        for name in HOPS:
            conn = await asyncpg.connect(installation.bare[name])
            stack.push_async_callback(conn.close)
            await conn.execute(_LEASE, _HOLDER)
            await conn.execute(_RELAY)
            await conn.execute(MAKE_MARK, *_MARK)
            await broker.ensure_stream(name)
            hop = Hop(name, conn, broker)
            await hop.listen(client)
            hops.append(hop)
        yield hops
