"""What a service does for its imports in the back: to work them off, and to forget old ones."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared import clock
from shared.context import Context
from shared.db import Database
from shared.events.watch import Figure
from shared.jobs import queries, retention
from shared.jobs.importer import Importer
from shared.jobs.readiness import Readiness
from shared.jobs.worker import ImportWorker
from shared.runtime import Chore, Runtime

FORGET_EVERY: Final = timedelta(hours=1)


class Forgetting:
    """Forgets imports that are out of retention, now and then."""

    __qualname__ = "Forgetting"

    def __init__(self, days: int) -> None:
        self._days = days
        self._next = clock.now()

    async def __call__(self, database: Database, ctx: Context) -> int:
        """Forget a bounded part; return how much it was."""
        if ctx.now < self._next:
            return 0
        forgotten = await database.transact(
            lambda conn: retention.forget(conn, ctx.now, timedelta(days=self._days))
        )
        if forgotten == 0:
            self._next = ctx.now + FORGET_EVERY
        return forgotten


def import_figures(importers: Sequence[Importer]) -> Sequence[Figure]:
    """Return the gauges of a service that imports something."""
    if not importers:
        return ()
    return (Figure("imports_open", "Imports that have not ended.", queries.unfinished),)


def import_chores(
    importers: Sequence[Importer], profiles: Path, runtime: Runtime
) -> Sequence[Chore]:
    """Return the chores of a service that imports something."""
    if not importers:
        return ()
    settings = runtime.settings
    named = {importer.noun: importer for importer in importers}
    readiness = Readiness(runtime.feed)
    worker = ImportWorker(named, profiles, readiness, settings.lease_seconds)
    return (worker, Forgetting(settings.import_retention_days))
