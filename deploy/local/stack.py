"""The whole of Pharos on one machine: both servers, four services and the issuer on one port."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from starlette.types import ASGIApp

from deploy.installation import SERVICES
from deploy.local.account import unprivileged_account
from deploy.local.clients import client_of
from deploy.local.errors import EmbeddedError
from deploy.local.front import Front
from deploy.local.hosting import Hosted, InProcess, Isolated
from deploy.local.http_server import HttpServer
from deploy.local.issuer import LIFETIME, Issuer
from deploy.local.nats import EmbeddedNats
from deploy.local.place import ADDRESS, Say, make_private_folder, say_on_stderr, settle
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from deploy.local.start.page import StartPage
from deploy.serving import Prefixed, load
from shared.migrate import upgrade
from shared.settings import ServerSettings, ServiceSettings

DATABASE_VARIABLE = "PHAROS_DATABASE_ADMIN_URL"
BROKER_VARIABLE = "PHAROS_NATS_URL"

_WATCH_SECONDS = 0.5


class Stack:
    """Everything that an installation needs, in one data folder, for one ``async with``.

    ``port`` 0 picks a free one. ``isolated`` gives every service a process of its own.
    ``durable`` False is for tests. ``settings`` go to every service. A PostgreSQL named by the
    variable PHAROS_DATABASE_ADMIN_URL (a role that may create databases and roles) and a NATS named
    by PHAROS_NATS_URL are used instead of the embedded ones.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        isolated: bool = False,
        durable: bool = True,
        services: Sequence[str] = SERVICES,
        settings: Mapping[str, Any] | None = None,
        say: Say = say_on_stderr,
    ) -> None:
        self.folder = folder.absolute()
        self.postgres: EmbeddedPostgres | None = None
        self.nats: EmbeddedNats | None = None
        self.services: dict[str, Hosted] = {}
        self.settings: dict[str, ServiceSettings] = {}
        self._port = port
        self._isolated = isolated
        self._durable = durable
        self._names = tuple(services)
        self._more_settings = dict(settings or {})
        self._say = say
        self._http: HttpServer | None = None
        self._issuer: Issuer | None = None
        self._running: AsyncExitStack | None = None

    @property
    def base_url(self) -> str:
        """The address below which everything is served; EmbeddedError while it is not started."""
        return self._server.base_url

    @property
    def issuer(self) -> Issuer:
        """The built-in token issuer; EmbeddedError while it is not started."""
        if self._issuer is None:
            raise EmbeddedError("The stack is not started.")
        return self._issuer

    @property
    def _server(self) -> HttpServer:
        if self._http is None:
            raise EmbeddedError("The stack is not started.")
        return self._http

    def token(
        self,
        *,
        roles: Sequence[str],
        subject: UUID | str = "pharos-runner",
        lifetime: timedelta = LIFETIME,
    ) -> str:
        """Return an access token with these roles, for a member's id or a machine's name."""
        return self.issuer.token(subject, roles, lifetime)

    async def start(self) -> None:
        """Start everything, in order; what had been started is stopped again when a step fails."""
        if self._running is not None:
            raise EmbeddedError("The stack is already started.")
        self._running = AsyncExitStack()
        try:
            await self._bring_up(self._running)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop HTTP, then the services, NATS and PostgreSQL; each step is bounded."""
        running, self._running = self._running, None
        try:
            if running is not None:
                await running.aclose()
        finally:
            self._http = self._issuer = self.postgres = self.nats = None
            self.services, self.settings = {}, {}

    async def _bring_up(self, running: AsyncExitStack) -> None:
        account = unprivileged_account()
        self.folder = settle(self.folder, account, self._say)
        secrets, logs = self.folder / "secrets", self.folder / "logs"
        for private in (secrets, logs):
            make_private_folder(private, None)
        admin_dsn, nats_url = await self._start_servers(running)
        dsns = await provision(admin_dsn, secrets)
        for name in self._names:
            await asyncio.to_thread(upgrade, load(name), dsns[name])
        self._http = HttpServer(self._port, ServerSettings(**self._more_settings))
        # Entered before the server, so left after it: no request meets a service that has gone.
        running.push_async_callback(self._stop_services)
        running.push_async_callback(self._http.stop)
        running.callback(self._hide)
        self._issuer = Issuer(secrets, url=f"{self.base_url}/issuer", embedded=True)
        for name in self._names:
            self.settings[name] = self._settings_of(name, dsns[name], nats_url)
        self.services = {name: self._hosted(name, logs) for name in self._names}
        # The services ask the issuer, and each other, over this port from the beginning.
        await self._http.start(self._front())
        await self._start_services()
        self._tell_where()

    def _tell_where(self) -> None:
        """Write down the address, for the operators' commands."""
        (self.folder / ADDRESS).write_text(self.base_url + "\n", encoding="utf-8")

    def _hide(self) -> None:
        (self.folder / ADDRESS).unlink(missing_ok=True)

    async def _start_servers(self, running: AsyncExitStack) -> tuple[str, str]:
        """Start what is not given from outside; return the administrator's DSN and the NATS URL."""
        admin_dsn, nats_url = os.environ.get(DATABASE_VARIABLE), os.environ.get(BROKER_VARIABLE)
        if admin_dsn is None:
            self.postgres = EmbeddedPostgres(
                self.folder / "postgres", durable=self._durable, say=self._say
            )
            running.push_async_callback(asyncio.to_thread, self.postgres.stop)
            await started(self.postgres)
            admin_dsn = self.postgres.dsn("postgres")
        if nats_url is None:
            self.nats = EmbeddedNats(self.folder / "nats", say=self._say)
            running.push_async_callback(asyncio.to_thread, self.nats.stop)
            await started(self.nats)
            nats_url = self.nats.url
        return admin_dsn, nats_url

    def _settings_of(self, name: str, dsn: str, nats_url: str) -> ServiceSettings:
        client = self.issuer.clients[client_of(name)]
        return ServiceSettings(
            **{
                "database_url": dsn,
                "nats_url": nats_url,
                "issuer": self.issuer.url,
                "audience": self.issuer.audience,
                "jwks_url": self.issuer.jwks_url,
                "token_url": self.issuer.token_url,
                "client_id": client_of(name),
                "client_secret": client.secret,
                "feeds": {service: f"{self.base_url}/{service}" for service in SERVICES},
                **self._more_settings,
            }
        )

    def _hosted(self, name: str, logs: Path) -> Hosted:
        if self._isolated:
            return Isolated(name, self.settings[name], logs)
        return InProcess(name, self.settings[name])

    def _front(self) -> Front:
        issuer = Prefixed(self.issuer, "/issuer")
        mounted = {name: self._lookup(name) for name in self._names}
        start = StartPage(self._names)
        own = dict.fromkeys(("", "start", "problems"), start)
        return Front({**mounted, "issuer": lambda: issuer}, own)

    def _lookup(self, name: str) -> Callable[[], ASGIApp | None]:
        return lambda: self.services[name].app

    async def _start_services(self) -> None:
        await together([service.start for service in self.services.values()])

    async def _stop_services(self) -> None:
        await together([service.stop for service in self.services.values()])

    async def watch(self) -> None:
        """Return never; raises ServerDied when a server or a service ends by itself."""
        while True:
            for server in (self.postgres, self.nats):
                if server is not None:
                    server.child.check()
            for service in self.services.values():
                service.check()
            await asyncio.sleep(_WATCH_SECONDS)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


async def started(server: EmbeddedPostgres | EmbeddedNats) -> None:
    """Start a server from asynchronous code; when we are cancelled, the start is given up."""
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The thread may not have begun yet: it is told until it has ended.
        while not starting.done():
            await asyncio.to_thread(server.stop)
            await asyncio.wait({starting}, timeout=0.1)
        starting.exception()  # that the start was given up is no news
        raise


async def together(steps: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Run the steps side by side, all to their end; raises the first error among theirs."""
    outcomes = await asyncio.gather(*(step() for step in steps), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
