"""The tail: follows the log of this service for everybody in this process who listens to it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from shared import clock
from shared.db import Connection, Database, DatabaseUnavailable
from shared.events import log as event_log
from shared.events.doorbell import Doorbell
from shared.events.envelope import Event, to_structured
from shared.events.snapshot import Tip
from shared.logs import logger
from shared.tasks import end

BATCH: Final = 200
KEPT_MAX: Final = 1_000
"""How many events wait for one listener; whoever is slower is let go and may come back."""
LOOK_SECONDS: Final = 1.0

log = logger(__name__)


class Overrun(Exception):
    """The listener was too slow, or the log does not go on where it was: it has to begin anew."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the log, and how it is written."""

    event: Event
    written: bytes

    @classmethod
    def of(cls, event: Event) -> "Told":
        """Return an event as it is told."""
        return cls(event, orjson.dumps(to_structured(event), default=str))


class Listener:
    """Who listens, and what waits for them: all events behind ``begins``, by partition."""

    def __init__(self, begins: Sequence[int], kept_max: int) -> None:
        self.begins = tuple(begins)
        self._waiting: deque[Told] = deque()
        self._kept_max = kept_max
        self._some = asyncio.Event()
        self._overrun = False

    def offer(self, events: Sequence[Told]) -> None:
        """Add events; the listener is let go when that makes more than may wait."""
        if len(self._waiting) + len(events) > self._kept_max:
            self.let_go()
        if not self._overrun:
            self._waiting.extend(events)
        self._some.set()

    def let_go(self) -> None:
        """Tell nothing more than what waits."""
        self._overrun = True
        self._some.set()

    async def next(self) -> Sequence[Told]:
        """Wait for events and return all that there are; raises Overrun when it was let go."""
        await self._some.wait()
        events = tuple(self._waiting)
        self._waiting.clear()
        if not events and self._overrun:
            raise Overrun
        if not self._overrun:
            self._some.clear()
        return events


class Tail:
    """One reader of each partition, which works while somebody listens."""

    def __init__(
        self,
        database: Database,
        source: str,
        doorbells: Sequence[Doorbell],
        kept_max: int = KEPT_MAX,
    ) -> None:
        self._database = database
        self._source = source
        self._doorbells = doorbells
        self._kept_max = kept_max
        self._listeners: set[Listener] = set()
        self._tips: list[Tip] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()

    async def listen(self) -> Listener:
        """Return a new listener; raises DatabaseUnavailable when the tail cannot begin."""
        async with self._starting:
            if not self._tasks:
                self._tips = await self._database.read(self._read_tips)
                self._tasks = [
                    asyncio.create_task(self._follow(n), name=f"tail-{n}")
                    for n in range(len(self._doorbells))
                ]
            listener = Listener([tip.number for tip in self._tips], self._kept_max)
            self._listeners.add(listener)
            return listener

    async def leave(self, listener: Listener) -> None:
        """Let a listener go; after the last one nothing is read any more."""
        self._listeners.discard(listener)
        async with self._starting:
            if not self._listeners:
                await self.stop()

    async def stop(self) -> None:
        """Stop reading; whoever listens still is let go."""
        tasks, self._tasks = self._tasks, []
        await end(tasks)
        self._let_all_go()

    def _let_all_go(self) -> None:
        for listener in self._listeners:
            listener.let_go()
        self._listeners.clear()

    async def _read_tips(self, conn: Connection) -> list[Tip]:
        return [Tip(*await event_log.tip(conn, n)) for n in range(len(self._doorbells))]

    async def _follow(self, partition: int) -> None:
        while True:
            grown = self._doorbells[partition].grown  # taken before the look, so none slips by
            try:
                more = await self._look(partition)
            except DatabaseUnavailable as error:
                log.info("tail_waits", service=self._source, error=repr(error))
                more = False
            if not more:
                await clock.within(LOOK_SECONDS, grown)

    async def _look(self, partition: int) -> bool:
        """Tell what is new; True when there may be more at once."""
        known = self._tips[partition]

        async def read(conn: Connection) -> tuple[Tip, Sequence[Event]]:
            tip = Tip(*await event_log.tip(conn, partition))
            if tip == known:
                return tip, ()
            return tip, await event_log.read(
                conn, self._source, partition, after=known.number, limit=BATCH
            )

        tip, events = await self._database.read(read)
        if tip == known:
            return False
        if not events or not _goes_on(known, events[0]):
            # A stretch is missing, or the log is another one since a restore.
            self._tips[partition] = tip
            self._let_all_go()
            return False
        told = [Told.of(event) for event in events]
        self._tips[partition] = Tip(events[-1].number, events[-1].id)
        for listener in self._listeners:
            listener.offer(told)
        return len(events) == BATCH


def _goes_on(known: Tip, event: Event) -> bool:
    return event.number == known.number + 1 and event.previous_id == known.event_id
