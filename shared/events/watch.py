"""The watch: keeps the gauges at what the database says, so that they are right after a restart."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared import clock
from shared.db import UNAVAILABLE, Connection, Database, DatabaseUnavailable
from shared.events import vitals
from shared.events.lease import Lease
from shared.events.vitals import Vitals
from shared.metrics import Metrics

EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A gauge of a service's own: its name, what it means, and the query that counts."""

    name: str
    text: str
    count: Callable[[Connection], Awaitable[int]]


class Watch:
    """Reads the vital signs now and then; ``leases`` are those that this process contends for."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        leases: Sequence[Lease],
        figures: Sequence[Figure],
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._leases = leases
        self._figures = {figure: metrics.figure(figure.name, figure.text) for figure in figures}

    async def run(self) -> None:
        """Look until cancelled; a database that is away is looked at again later."""
        while True:
            with contextlib.suppress(DatabaseUnavailable, *UNAVAILABLE):
                await self.look()
            await clock.pause(EVERY_SECONDS)

    async def look(self) -> None:
        """Set the gauges once."""
        async with self._database.acquire() as conn:
            self._show(await vitals.read(conn))
            for figure, gauge in self._figures.items():
                gauge.set(await figure.count(conn))

    def _show(self, found: Vitals) -> None:
        self._metrics.outbox_age.set(found.outbox_age)
        self._metrics.default_rows.set(found.default_rows)
        self._metrics.audit_age.set(found.audit_age)
        self._metrics.audit_head.set(found.audit_head)
        for mark, events in found.parked.items():
            self._metrics.parked_open.labels(*mark.labels).set(events)
        for relay in found.relays:
            self._metrics.head.labels(relay.partition).set(relay.head)
            self._metrics.acknowledged.labels(relay.partition).set(relay.acknowledged)
        held = {(lease.name, lease.holder) for lease in found.leases if lease.held}
        for lease in self._leases:
            self._metrics.lease_held.labels(lease.name).set((lease.name, lease.holder) in held)
