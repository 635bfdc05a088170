"""One service behind uvicorn: how every process that serves HTTP is set up."""

import asyncio
import gc
import importlib
import resource
import socket
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.installation import SERVICES
from shared import failpoints, logs
from shared.http.server.connection import limited
from shared.http.server.gate import Gate
from shared.http.service import Service, create_app
from shared.http.shedding import gate_of
from shared.http.sse import ENDING
from shared.logs import logger
from shared.runtime import Role
from shared.settings import ServerSettings, ServiceSettings

log = logger(__name__)

GRACE_SECONDS = 10
"""How long requests under way may take once the server was told to stop."""
FILES_BESIDE = 256
"""Files that a process has open beside the connections of its clients, well counted."""


class Prefixed:
    """Serves an app below a path prefix, and without it too.

    A gateway may pass ``/targets/v1/…`` on as it is or strip the prefix; probes and other services
    inside the cluster leave it out.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Move the prefix from the path of the request to the root path of the app."""
        if scope["type"] == "http" and is_below(scope["path"], self._prefix):
            # The path stays whole: since ASGI 3 it includes the root path.
            scope = {**scope, "root_path": scope.get("root_path", "") + self._prefix}
        await self._app(scope, receive, send)


class Ending:
    """Serves an app, and tells the requests under way when the server is about to stop."""

    def __init__(self, app: ASGIApp) -> None:
        self.event = asyncio.Event()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the event."""
        extensions = {**scope.get("extensions", {}), ENDING: self.event}
        await self._app({**scope, "extensions": extensions}, receive, send)


class Server(uvicorn.Server):
    """Ends the streams that it serves before it waits for requests: none of them would end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = config.app = Ending(cast(ASGIApp, config.app))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell that it ends, then wait for the requests under way."""
        self._ending.event.set()
        await super().shutdown(sockets)


def is_below(path: str, prefix: str) -> bool:
    """Whether the path is the prefix or lies below it."""
    return path == prefix or path.startswith(f"{prefix}/")


def load(name: str) -> Service:
    """Return the service of that name; LookupError for any other name."""
    if name not in SERVICES:
        raise LookupError(f"There is no service {name}; there are {', '.join(SERVICES)}.")
    service: Service = importlib.import_module(f"services.{name}.service").SERVICE
    return service


def configuration(
    app: ASGIApp,
    *,
    limits: ServerSettings,
    lifespan: bool,
    gate: Gate | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    grace_seconds: int = GRACE_SECONDS,
) -> uvicorn.Config:
    """Return uvicorn's settings: fast parser within limits, no access log, nothing told."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=limited(limits, gate),
        ws="none",
        lifespan="on" if lifespan else "off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_seconds,
        timeout_graceful_shutdown=grace_seconds,
    )


def serve(name: str, settings: ServiceSettings, role: Role, host: str, port: int) -> None:
    """Serve one service until a signal ends it: SIGTERM and SIGINT let requests finish first."""
    logs.configure(settings.log_level)
    if settings.failpoint:
        log.warning("failpoint_armed", service=name, failpoint=settings.failpoint)
        failpoints.arm(settings.failpoint)
    service = create_app(load(name), settings, role)
    app = Prefixed(service, f"/{name}")
    gate = gate_of(service, settings)
    # What is loaded now stays; searching it for garbage took a quarter of a consumer's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    make_room(settings.connection_limit)
    Server(
        configuration(app, limits=settings, lifespan=True, gate=gate, host=host, port=port)
    ).run()


def make_room(connections: int) -> None:
    """Let this process have as many files open as its connections need, where it may."""
    wanted = FILES_BESIDE + 2 * connections  # a proxy has two for each
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most_of_files() < wanted:
        log.warning("few_files", connections=connections, files=most_of_files())


def most_of_files() -> int:
    """Return how many files this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
