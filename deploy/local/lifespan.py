"""The lifespan of a mounted app, entered by us: servers only enter that of the outermost app."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.local.errors import ServiceFailed

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0


class Lifespan:
    """Drives one app through the ASGI lifespan protocol, in a task of its own, within bounds."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name
        self._state: dict[str, Any] = {}
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._answered: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with what the app has put into its state."""
        await self._app({**scope, "state": dict(self._state)}, receive, send)

    async def start(self) -> None:
        """Let the app start; raises ServiceFailed when it does not, or not in time."""
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
        }
        running = self._app(scope, self._told.get, self._answered.put)
        self._task = asyncio.create_task(_awaited(running), name=f"{self._name}:lifespan")
        try:
            await self._pass("lifespan.startup", self._task, START_SECONDS_MAX)
        except BaseException:
            await self._end()
            raise

    async def stop(self) -> None:
        """Let the app stop, cancelled when that takes too long; one that has stopped stays so."""
        if self._task is not None:
            try:
                await self._pass("lifespan.shutdown", self._task, STOP_SECONDS_MAX)
            finally:
                await self._end()

    async def _pass(self, stage: str, task: "asyncio.Task[None]", seconds: float) -> None:
        """Tell the app to pass this stage and wait for its word that it has."""
        await self._told.put({"type": stage})
        answering = asyncio.create_task(self._answered.get())
        try:
            await asyncio.wait(
                {answering, task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            answer = answering.result() if answering.done() else None
        finally:
            answering.cancel()
        if answer is not None and answer["type"] == f"{stage}.complete":
            return
        if answer is not None:
            raise ServiceFailed(f"{self._name} failed at {stage}: {answer.get('message', '')}")
        if not task.done():
            raise ServiceFailed(f"{self._name} did not pass {stage} within {seconds:.0f} s.")
        raise ServiceFailed(f"{self._name} ended at {stage}.") from task.exception()

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=STOP_SECONDS_MAX)
            if task.done() and not task.cancelled():
                task.exception()  # looked at, so that it is not reported a second time


async def _awaited(running: Awaitable[None]) -> None:
    await running
