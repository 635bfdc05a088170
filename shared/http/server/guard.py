"""The guard of a server: looks over all its connections once a second."""

import asyncio
from enum import Enum
from typing import Final, Protocol

from shared.http.server.gate import Gate
from shared.http.server.refusals import CONNECTIONS, count
from shared.settings import ServerSettings

LOOK_SECONDS: Final = 1.0


class Phase(Enum):
    """What the server reads on a connection at the moment."""

    SILENT = "silent"
    """Nothing has come yet."""
    HEAD = "head"
    """A request has begun, its headers are not complete."""
    BODY = "body"
    """The headers are complete, the body is not."""
    IDLE = "idle"
    """The last request is complete."""
    LEAVING = "leaving"
    """Refused: what still comes is dropped until the client has read why."""


class Guarded(Protocol):
    """A connection as the guard sees it."""

    phase: Phase
    since: float
    """When the phase began, on the clock of the event loop."""

    @property
    def answering(self) -> bool:
        """Whether a request is under way."""

    def look(self, now: float) -> None:
        """Close the connection if it has passed a limit of time."""

    def cut(self) -> None:
        """Close the connection at once."""


class Guard:
    """Holds the connections of a server, its limits, and the gate before its app."""

    def __init__(self, limits: ServerSettings, gate: Gate | None) -> None:
        self.limits = limits
        self.gate = gate
        self._connections: set[Guarded] = set()
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: Guarded) -> bool:
        """Take a connection in; False when there are too many that work.

        One that is idle makes room, first of all one that has not finished its headers: who only
        holds connections never keeps out those who use them.
        """
        if len(self._connections) >= self.limits.connection_limit and not self._make_room():
            return False
        self._connections.add(connection)
        CONNECTIONS.inc()
        if self._timer is None:
            self._look_later()
        return True

    def dismiss(self, connection: Guarded) -> None:
        """Forget a connection that has been closed."""
        if connection in self._connections:
            self._connections.discard(connection)
            CONNECTIONS.dec()

    def _make_room(self) -> bool:
        idle = [one for one in self._connections if not one.answering]
        if not idle:
            return False
        victim = min(idle, key=lambda one: (one.phase is Phase.IDLE, one.since))
        count("connections")
        victim.cut()
        self.dismiss(victim)
        return True

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            connection.look(now)
        if self._connections:
            self._look_later()
