"""A trail for tests: changes that somebody asked for, sealers, and what stands in the tables."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from deploy.audit.anchors import Anchor, of_service
from deploy.audit.chain import Chain
from deploy.audit.reading import trail_of
from deploy.verify.findings import Finding, Report
from shared.audit.model import Change
from shared.audit.sealer import Sealer
from shared.context import Asked, Context
from shared.db import Connection, Database
from shared.events import outbox
from shared.ids import new_id
from shared.metrics import Metrics
from shared.tasks import end
from tests.service.conftest import Installation
from tests.service.events.told import context

SERVICE = "pipeline"


def asking() -> Context:
    """Return the context of a request that somebody made."""
    asked = Asked("crm", ("sales_ops",), "PUT", "/v1/accounts/{account_id}", "客户更名")
    return replace(context(), asked=asked)


def change(name: str = "上海灯塔", **more: object) -> Change:
    """Return a change of an account."""
    return Change("account", "saved", str(new_id()), 1, None, {"name": name, **more})


async def ask(database: Database, *changes: Change) -> None:
    """Commit changes that somebody asked for."""

    async def work(conn: Connection) -> None:
        await outbox.note(conn, asking(), *changes)

    await database.transact(work)


@asynccontextmanager
async def sealing(
    installation: Installation, *, sealers: int = 1, lease_seconds: float = 2
) -> AsyncIterator[Database]:
    """Run sealers of the pipeline service; yield its database."""
    async with installation.open(SERVICE) as database:
        tasks = [
            asyncio.create_task(Sealer(SERVICE, database, Metrics(SERVICE), lease_seconds).run())
            for _ in range(sealers)
        ]
        try:
            yield database
        finally:
            await end(tasks)


async def seal(database: Database) -> None:
    """Seal all that waits, a block at a time, without waiting for the time of it."""
    one = Sealer(SERVICE, database, Metrics(SERVICE), 60)
    for _ in range(600):  # who was stopped while it took the lease may still have it
        if await one.lease.take(database):
            break
        await asyncio.sleep(0.05)
    assert one.lease.held
    while await one._seal():
        pass
    await one.lease.release(database)


async def kept(database: Database, count: int) -> list[dict[str, Any]]:
    """Wait until so many rows are sealed; return them."""
    rows: Sequence[Any] = ()
    for _ in range(1_000):
        async with database.acquire() as conn:
            rows = await conn.fetch("SELECT number, digest, after FROM audit_row ORDER BY number")
        if len(rows) >= count:
            return [dict(row) for row in rows]
        await asyncio.sleep(0.02)
    pytest.fail(f"{len(rows)} of {count} rows were sealed")


async def examined(
    installation: Installation, anchors: Sequence[Anchor] = (), service: str = SERVICE
) -> Sequence[Finding]:
    """Return what is wrong with a trail."""
    report = Report()
    async with trail_of(service, installation.dsn(service)) as trail:
        await Chain(report, service, of_service(anchors, service)).check(trail)
    return report.findings
