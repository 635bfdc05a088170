"""What a service does for its imports in the back: to work them off, and to forget old ones."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.context import Context
from shared.db import Database
from shared.events.watch import Figure
from shared.jobs import queries, retention
from shared.jobs.importer import Importer
from shared.jobs.readiness import Readiness
from shared.jobs.worker import ImportWorker
from shared.runtime import Chore, Runtime

FORGET_SECONDS: Final = 3_600


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
    days = timedelta(days=settings.import_retention_days)

    async def forget(database: Database, ctx: Context) -> int:
        return await database.transact(lambda conn: retention.forget(conn, ctx.now, days))

    return (Chore(worker), Chore(forget, FORGET_SECONDS))
