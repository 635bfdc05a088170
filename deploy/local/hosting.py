"""A service that runs: inside this process, or in one of its own behind a proxy."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Protocol

import orjson
from pydantic import SecretStr
from starlette.types import ASGIApp

from deploy.local.errors import ServiceFailed
from deploy.local.lifespan import START_SECONDS_MAX, Lifespan
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.proxy import Proxy
from deploy.local.supervisor import Child
from deploy.serving import GRACE_SECONDS, Prefixed, load
from shared.http.service import create_app
from shared.runtime import Role
from shared.settings import ServiceSettings

# A stopping service lets requests finish, then its background work.
_STOPPING = ((signal.SIGTERM, GRACE_SECONDS + 20.0),)


class Hosted(Protocol):
    """A service that can be started and stopped again and again."""

    app: ASGIApp | None
    """What serves its requests; None while it does not run."""

    async def start(self) -> None:
        """Start; raises ServiceFailed or ServerDied."""

    async def stop(self) -> None:
        """Stop within bounds; one that has stopped stays so."""

    def check(self) -> None:
        """Raise ServerDied when it ended although nobody stopped it."""


class InProcess:
    """A service in this process, with its own lifespan, pool and metrics."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.app: ASGIApp | None = None
        self._name = name
        self._settings = settings
        self._lifespan: Lifespan | None = None

    async def start(self) -> None:
        """Make the app anew and enter its lifespan."""
        self._lifespan = Lifespan(create_app(load(self._name), self._settings), self._name)
        await self._lifespan.start()
        self.app = Prefixed(self._lifespan, f"/{self._name}")

    async def stop(self) -> None:
        """Take the app off and leave its lifespan."""
        self.app = None
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.stop()

    def check(self) -> None:
        """Nothing to see from outside: the service lives as long as this process."""


class Isolated:
    """A service in a process of its own; its output goes to ``<name>.log`` in ``folder``."""

    def __init__(
        self, name: str, settings: ServiceSettings, folder: Path, role: Role = Role.ALL
    ) -> None:
        self.app: ASGIApp | None = None
        self.child: Child | None = None
        self._name = name
        self._settings = settings
        self._folder = folder
        self._role = role
        self._proxy: Proxy | None = None

    async def start(self) -> None:
        """Start the process and wait until it takes connections."""
        port = free_port()
        self.child = Child(
            f"The service {self._name}",
            [
                *(sys.executable, "-m", "deploy.cli", "serve", self._name),
                *("--role", self._role.value),
                *("--host", LOOPBACK, "--port", str(port)),
            ],
            log=self._folder / f"{self._name}.log",
            environment=environment_of(self._settings),
            stopping=_STOPPING,
        )
        self.child.start()
        try:
            await _await_port(self.child, port)
        except BaseException:
            await self.stop()
            raise
        self._proxy = Proxy(self._name, port)
        self.app = self._proxy

    async def stop(self) -> None:
        """Ask the process to stop and wait for it, within bounds."""
        self.app = None
        proxy, self._proxy = self._proxy, None
        child, self.child = self.child, None
        if child is not None:
            await asyncio.to_thread(child.stop)
        if proxy is not None:
            await proxy.close()

    def check(self) -> None:
        """Raise ServerDied, with the end of its log, when the process has ended."""
        if self.child is not None:
            self.child.check()


async def _await_port(child: Child, port: int) -> None:
    """Wait for the service to listen, which it does once its lifespan is entered."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        child.check()
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{child.name} does not listen. See {child.log}.") from None
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return


def environment_of(settings: ServiceSettings) -> dict[str, str]:
    """Return the environment of a process that is to run with these settings."""
    prefix = settings.model_config.get("env_prefix", "")
    here = {name: value for name, value in os.environ.items() if not name.startswith(prefix)}
    given = {f"{prefix}{name}".upper(): _in_environment(value) for name, value in settings}
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**here, **given, "PYTHONPATH": os.pathsep.join(paths)}


def _in_environment(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case str():
            return value
        case _:
            return orjson.dumps(value, default=str).decode()  # str: networks
