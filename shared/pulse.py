"""The pulse of the database: whether it answers at all, asked beside those who wait for it.

A statement may run for long by intent, so that it runs says nothing. Where somebody has waited for
longer than ``PATIENCE_SECONDS`` a connection of its own asks for a sign of life. When none comes,
everybody who waits is let go at once, and nobody begins to wait until one does: a server that is
frozen or cut off costs its callers seconds, not the time that a statement may take.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from shared.logs import logger
from shared.tasks import end

log = logger(__name__)

PATIENCE_SECONDS: Final = 1.0
SIGN_SECONDS: Final = 1.3
"""How long a sign of life may take. Whatever else is answered meanwhile is one as well."""
LOOK_SECONDS: Final = 0.25


class Lent(Protocol):
    """A connection that can be ended at once, whatever runs on it."""

    def terminate(self) -> None:
        """End it; who waits for it is told."""


class Waiting:
    """Somebody who waits for the database: first for a connection, then for its answers."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._coming: asyncio.Timeout | None = None
        self._lent: Lent | None = None

    def comes(self, coming: asyncio.Timeout) -> None:
        """Wait for a connection within this timeout."""
        self._coming = coming

    def holds(self, lent: Lent) -> None:
        """Wait for answers on this connection."""
        self._coming, self._lent = None, lent

    def let_go(self, now: float) -> None:
        """End the wait."""
        if self._lent is not None:
            self._lent.terminate()
        elif self._coming is not None:
            self._coming.reschedule(now)


class Pulse:
    """Feels the pulse of one database; ``sign`` asks it for anything, and returns when it answers.

    ``sign`` raises OSError (a TimeoutError is one) when no answer came.
    """

    def __init__(self, sign: Callable[[], Awaitable[None]]) -> None:
        self._sign = sign
        self._waiting: dict[Waiting, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._answers = 0
        self.lost = False

    @contextmanager
    def waiting(self) -> Iterator[Waiting]:
        """Wait for the database within the pulse."""
        loop = asyncio.get_running_loop()
        one = Waiting(loop.time())
        self._waiting[one] = None
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._watch(), name="pulse")
        try:
            yield one
            self._answers += 1
        finally:
            del self._waiting[one]

    async def stop(self) -> None:
        """Feel it no more."""
        if self._task is not None:
            await end([self._task])

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting or self.lost:
            longest = next(iter(self._waiting), None)
            if self.lost or (longest and loop.time() - longest.began >= PATIENCE_SECONDS):
                await self._feel()
            await asyncio.sleep(LOOK_SECONDS)

    async def _feel(self) -> None:
        alive = await self._is_alive()
        if not alive:
            if not self.lost:
                log.warning("database_does_not_answer", waiting=len(self._waiting))
            self.lost = True
            now = asyncio.get_running_loop().time()
            for one in list(self._waiting):
                one.let_go(now)
        elif self.lost:
            log.info("database_answers_again")
            self.lost = False

    async def _is_alive(self) -> bool:
        before = self._answers
        try:
            async with asyncio.timeout(SIGN_SECONDS):
                await self._sign()
        except OSError:
            # One that is busy may be late for this and still answer others.
            return self._answers > before
        return True
