"""The sealer: gives committed rows of audit dense numbers and chains them in blocks.

One is active per schema, as with the relay; but nothing of it goes to the broker. A row waits a
second or so: until it is sealed its digest alone speaks for it, afterwards the whole chain does.
"""

import contextlib

from shared import clock
from shared.audit import store
from shared.audit.model import Block, sealed
from shared.db import UNAVAILABLE, Connection, Database, DatabaseUnavailable
from shared.events.lease import Lease
from shared.failpoints import reach
from shared.logs import logger
from shared.metrics import Metrics

log = logger(__name__)

BLOCK_ROWS_MAX = 1_000
SEAL_SECONDS = 1.0
AWAY_SECONDS = 0.5
LEASE = "audit"


class Sealer:
    """Sequencer of one service's audit trail."""

    def __init__(
        self, service: str, database: Database, metrics: Metrics, lease_seconds: float
    ) -> None:
        self._service = service
        self._database = database
        self._metrics = metrics
        self._lease = Lease.of(LEASE, lease_seconds)
        self._lease_seconds = lease_seconds
        self._renewed = 0.0

    @property
    def lease(self) -> Lease:
        """Return the lease under which it works."""
        return self._lease

    async def run(self) -> None:
        """Work until cancelled; a database that is away is waited for."""
        try:
            while True:
                try:
                    await self._lead()
                except (DatabaseUnavailable, *UNAVAILABLE) as error:
                    log.warning("sealer_waits", service=self._service, error=repr(error))
                    await clock.pause(AWAY_SECONDS)
        finally:
            with contextlib.suppress(DatabaseUnavailable, *UNAVAILABLE):
                await self._lease.release(self._database)

    async def _lead(self) -> None:
        if not await self._lease.take(self._database):
            await clock.pause(self._lease_seconds / 3)
            return
        self._renewed = clock.monotonic()
        async with self._database.acquire() as conn:
            await store.make_room(conn, await store.last_number(conn))
        while self._lease.held:
            rows = await self._seal()
            await self._tend()
            if rows < BLOCK_ROWS_MAX:
                await clock.pause(SEAL_SECONDS)

    async def _tend(self) -> None:
        now = clock.monotonic()
        if now - self._renewed > self._lease_seconds / 3:
            self._renewed = now
            await self._lease.renew(self._database)

    async def _seal(self) -> int:
        """Seal a block of what has been committed; return how many rows it holds."""
        async with self._database.acquire() as conn:
            if not await store.waiting(conn):
                return 0
        block = await self._database.transact(self._sealed)
        if block is None:
            return 0
        await reach("audit.sealed")
        self._metrics.audit_head.set(block.last)
        # The table behind the next one is made long before a row stands in it.
        if block.last * 2 // store.PART > (block.first - 1) * 2 // store.PART:
            async with self._database.acquire() as conn:
                await store.make_room(conn, block.last)
        return block.last - block.first + 1

    async def _sealed(self, conn: Connection) -> Block | None:
        pending = await store.take(conn, self._lease, BLOCK_ROWS_MAX)
        if not pending:
            return None
        await reach("audit.taken")
        head = await store.lock_head(conn, self._service)
        block = sealed(self._service, head, [one.digest for one in pending], pending[0].taken_at)
        await store.seal(conn, block, pending)
        await reach("audit.sealing")
        return block
