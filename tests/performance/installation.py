"""Where the bench runs: an embedded installation of its own, and a bare database beside it."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg

from deploy.installation import SERVICES
from deploy.local.hosting import Isolated
from deploy.local.place import throwaway_folder
from deploy.local.provision import DATABASE, provision, with_database
from deploy.local.stack import BROKER_VARIABLE, DATABASE_VARIABLE, Stack
from deploy.local.supervisor import Child
from deploy.serving import load
from shared.db import Connection
from shared.events.broker import Broker
from shared.migrate import upgrade
from tests.performance.figures import BenchFailed

CONNECT_SECONDS_MAX = 10

BARE = "bare"
"""The database with the same tables, which only bare statements use."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running stack; ``bare`` has the DSN of each service in the database beside it."""

    stack: Stack
    bare: dict[str, str]

    @property
    def token(self) -> str:
        """An access token that may do everything."""
        return self.stack.token(roles=["admin"])

    @property
    def nats_url(self) -> str:
        """The address of the broker."""
        return self.stack.settings["pipeline"].nats_url

    @property
    def front_port(self) -> int:
        """The port of the front, behind which all services are."""
        return int(self.stack.base_url.rpartition(":")[2])

    def port(self, service: str) -> int:
        """Return the port on which the process of a service listens, past the front."""
        return int(self._process(service).command[-1])

    def runs(self, service: str) -> bool:
        """Tell whether a service has been started and not stopped."""
        return self.stack.services[service].app is not None

    def pid(self, service: str) -> int:
        """Return the process id of a service."""
        return self._process(service).pid

    @property
    def database_pid(self) -> int:
        """The process id of PostgreSQL."""
        if self.stack.postgres is None:
            raise BenchFailed("The bench uses a PostgreSQL of its own.")
        return self.stack.postgres.child.pid

    def _process(self, service: str) -> Child:
        hosted = self.stack.services[service]
        if not isinstance(hosted, Isolated) or hosted.child is None:
            raise BenchFailed(f"{service} has no process of its own right now.")
        return hosted.child

    async def stop(self, *services: str) -> None:
        """Stop services, so that they take nothing from what is measured."""
        for name in services:
            await self.stack.services[name].stop()

    async def start(self, *services: str) -> None:
        """Start services again."""
        for name in services:
            await self.stack.services[name].start()

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[Connection]:
        """Give a connection that sees every schema."""
        dsn = with_database(_admin_dsn(self.stack), DATABASE)
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool, pool.acquire() as conn:
            yield conn


def _admin_dsn(stack: Stack) -> str:
    if stack.postgres is None:
        raise BenchFailed("The bench uses a PostgreSQL of its own.")
    return stack.postgres.dsn("postgres")


@asynccontextmanager
async def installed(*, isolated: bool, partitions: int = 1) -> AsyncIterator[Installation]:
    """Start an installation, durable as in production, in a folder that goes with it."""
    with throwaway_folder("pharos-bench-") as folder, _own_servers():
        # Counted as in production, but one caller sends what many would.
        settings = {"log_level": "warning", "partitions": partitions, "rate_limit": 100_000_000}
        async with Stack(folder, isolated=isolated, settings=settings) as stack:
            bare = await provision(_admin_dsn(stack), stack.folder / "secrets", database=BARE)
            for name in SERVICES:
                await asyncio.to_thread(upgrade, load(name), bare[name])
            yield Installation(stack, bare)


@contextmanager
def _own_servers() -> Iterator[None]:
    """Leave out servers named from outside: a bench must neither load nor fill them."""
    named = {
        name: os.environ.pop(name)
        for name in (DATABASE_VARIABLE, BROKER_VARIABLE)
        if name in os.environ
    }
    try:
        yield
    finally:
        os.environ.update(named)


@asynccontextmanager
async def connected(nats_url: str, installation: str) -> AsyncIterator[Broker]:
    """Give a connection to the broker, with the streams of that prefix."""
    broker = Broker(nats_url, installation, "pharos-bench")
    ready = asyncio.Event()
    broker.on_reconnect(ready.set)
    broker.start()
    try:
        await asyncio.wait_for(ready.wait(), CONNECT_SECONDS_MAX)
        yield broker
    finally:
        await broker.close()
