"""An HTTP server inside a running event loop, on a loopback port that is known before it serves."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from deploy.local.errors import EmbeddedError, ServerDied
from deploy.local.ports import LOOPBACK
from deploy.serving import Server, configuration, make_room
from shared.http.server.gate import Gate
from shared.settings import ServerSettings

_START_SECONDS_MAX = 30.0
# Short: a long poll under way would hold up every stop for as long as it may take.
_GRACE_SECONDS = 3


class _Server(Server):
    """Tells when it serves, and leaves the signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HttpServer:
    """Serves an app on 127.0.0.1. The port (0 picks a free one) is taken at once.

    ``limits`` are those of the process unless others are given. Raises EmbeddedError when the port
    is in use.
    """

    def __init__(self, port: int = 0, limits: ServerSettings | None = None) -> None:
        self._limits = limits or ServerSettings()
        try:
            self._socket = socket.create_server((LOOPBACK, port), backlog=2048)
        except OSError as error:
            raise EmbeddedError(f"Port {port} on {LOOPBACK} cannot be used: {error}.") from error
        # asyncio turns Nagle's algorithm off only for sockets that it made itself; with it every
        # answer waits 40 ms for the client's delayed acknowledgement. Accepted sockets inherit it.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """The address of the server, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self, app: ASGIApp, gate: Gate | None = None) -> None:
        """Serve the app behind a gate, if there is one; raises ServerDied when that fails."""
        make_room(self._limits.connection_limit)
        self._server = _Server(
            configuration(
                app, limits=self._limits, lifespan=False, gate=gate, grace_seconds=_GRACE_SECONDS
            )
        )
        self._task = asyncio.create_task(self._server.serve([self._socket]), name="http")
        serving = asyncio.create_task(self._server.serving.wait())
        try:
            await asyncio.wait(
                {serving, self._task},
                timeout=_START_SECONDS_MAX,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            serving.cancel()
        if not self._server.serving.is_set():
            await self.stop()
            raise ServerDied("The HTTP server did not start.")

    async def stop(self) -> None:
        """Accept nothing more, let requests under way finish within bounds, free the port."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            _, late = await asyncio.wait({self._task}, timeout=_GRACE_SECONDS + 5)
            for task in late:
                task.cancel()
        self._server = self._task = None
        self._socket.close()
