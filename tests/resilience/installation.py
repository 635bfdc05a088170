"""An installation of real processes, and the ways to hurt it: only what we started is hurt."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local.errors import ServerDied
from deploy.local.hosting import Isolated
from deploy.local.nats import EmbeddedNats
from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import DATABASE, with_database
from deploy.local.stack import BROKER_VARIABLE, DATABASE_VARIABLE, Stack
from deploy.local.supervisor import Child
from shared.runtime import Role

LOOK_SECONDS = 0.02
QUICK = {"lease_seconds": 1, "statement_timeout_ms": 3_000, "log_level": "warning"}
"""Settings with which a scenario need not wait long for a lease or a transaction to run out."""


class Installation:
    """A running stack, and what can happen to its processes.

    ``kill…`` is a kill -9; ``start…`` is what an orchestrator does next. A service that was started
    with a failpoint is waited for by ``was_killed``.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    # Services -------------------------------------------------------------------------------------

    def child(self, service: str) -> Child:
        """Return the process of a service."""
        found = self._hosted(service).child
        assert found is not None, f"{service} has no process right now"
        return found

    async def kill(self, service: str) -> None:
        """End a service at once; its requests are refused until it is started again."""
        await asyncio.to_thread(self.child(service).kill)

    async def stop(self, service: str) -> None:
        """Ask a service to stop; one that was killed is cleared away."""
        await self._hosted(service).stop()

    async def start(self, service: str) -> None:
        """Start a service again, after whatever has ended it."""
        await self.stop(service)
        await self._hosted(service).start()

    async def start_armed(self, service: str, failpoint: str) -> Child:
        """Start a service with a failpoint, which may end it even before it listens."""
        await self.stop(service)
        hosted = self._hosted(service)
        settings = hosted._settings
        hosted._settings = settings.model_copy(update={"failpoint": failpoint})
        starting = asyncio.ensure_future(hosted.start())
        await asyncio.sleep(0)
        child = self.child(service)
        with suppress(ServerDied):
            await starting
        hosted._settings = settings
        return child

    async def restart(self, service: str) -> None:
        """Kill a service and start it again."""
        await self.kill(service)
        await self.start(service)

    @asynccontextmanager
    async def second(self, service: str, role: Role = Role.WORKER) -> AsyncIterator[Isolated]:
        """Lend a second process of a service, on the same settings; nobody sends it requests."""
        logs = self.stack.folder / "logs" / "second"
        logs.mkdir(exist_ok=True)
        hosted = Isolated(service, self.stack.settings[service], logs, role)
        await hosted.start()
        try:
            yield hosted
        finally:
            await hosted.stop()

    def _hosted(self, service: str) -> Isolated:
        hosted = self.stack.services[service]
        assert isinstance(hosted, Isolated)
        return hosted

    # Servers --------------------------------------------------------------------------------------

    @property
    def nats(self) -> EmbeddedNats:
        """The broker."""
        assert self.stack.nats is not None
        return self.stack.nats

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The database."""
        assert self.stack.postgres is not None
        return self.stack.postgres

    async def kill_nats(self) -> None:
        """End the broker at once."""
        await asyncio.to_thread(self.nats.child.kill)

    async def start_nats(self, *, wipe: bool = False) -> None:
        """Start the broker again, after whatever has ended it, with its store or without."""
        await asyncio.to_thread(self.nats.stop)
        if wipe:
            await asyncio.to_thread(self.nats.wipe)
        await asyncio.to_thread(self.nats.start)

    async def kill_postgres(self) -> None:
        """End the database server at once; its sessions end as they notice."""
        await asyncio.to_thread(self.postgres.child.kill)

    async def start_postgres(self) -> None:
        """Start the database server again, after whatever has ended it."""
        await asyncio.to_thread(self.postgres.stop)
        await asyncio.to_thread(self.postgres.start)

    async def backends(self, service: str | None = None) -> list[int]:
        """Return the process ids of the database sessions of a service, or of all services.

        Ending one ends all others with it: the server starts again from its log. What was answered
        stays only in an installation that is ``durable``.
        """
        admin = await self.administrator()
        try:
            rows = await admin.fetch(
                "SELECT pid FROM pg_stat_activity WHERE usename LIKE 'pharos_%'"
                " AND ($1::text IS NULL OR usename = 'pharos_' || $1)",
                service,
            )
        finally:
            await admin.close()
        return [row["pid"] for row in rows if _parent(row["pid"]) == self.postgres.child.pid]

    async def administrator(self, database: str = DATABASE) -> "asyncpg.Connection[Any]":
        """Return a superuser's session, once the server takes sessions."""
        dsn = with_database(self.postgres.dsn("postgres"), database)
        until = time.monotonic() + 30
        while True:
            try:
                return await asyncpg.connect(dsn, timeout=10)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(LOOK_SECONDS)


def _parent(pid: int) -> int:
    """Return the parent of a process, 0 when there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


async def was_killed(child: Child, seconds: float = 30) -> bool:
    """Wait until a process has ended; True when it was SIGKILL that ended it."""
    ended = await asyncio.to_thread(child.wait, seconds)
    process = child._process
    return ended and process is not None and process.returncode == -signal.SIGKILL


def kill_process(pid: int) -> None:
    """Kill a process that is ours; one that has ended meanwhile is fine too."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def installed(
    *, durable: bool = False, settings: Mapping[str, Any] | None = None
) -> AsyncIterator[Installation]:
    """Lend an installation with a process per service, in a folder that goes with it.

    Without ``durable`` a killed database forgets what it answered in the last moments, so that is
    for scenarios that leave PostgreSQL alone. ``settings`` come on top of QUICK.
    """
    with throwaway_folder("pharos-chaos-") as folder, _own_servers():
        async with Stack(
            folder, isolated=True, durable=durable, settings={**QUICK, **(settings or {})}
        ) as stack:
            yield Installation(stack)


@contextmanager
def _own_servers() -> Iterator[None]:
    """Leave out servers named from outside: they are not ours to kill."""
    names = (DATABASE_VARIABLE, BROKER_VARIABLE)
    named = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(named)
