"""Places: how many requests are worked on at once; a bounded number wait, all others are shed."""

import asyncio
from collections import deque
from typing import Final

STANDING: Final = 2 / 3
"""A queue stands when it has not been empty for this part of the time that one may wait in it."""
BRIEF_SECONDS: Final = 0.1
_WEIGHT: Final = 0.05
"""Of the last turn in the mean time between two."""


class Places:
    """A semaphore whose queue is bounded in length and in time; first come, first served.

    A queue that empties now and then takes up a burst, so one may wait in it for long. One that has
    stood for long only makes everybody late (the idea of CoDel): as many may wait in it as come
    to their turn within a moment, as turns have followed each other of late.
    """

    def __init__(self, slots: int, queue_limit: int, queue_seconds: float) -> None:
        self._free = slots
        self._queue_limit = queue_limit
        self._queue_seconds = queue_seconds
        self._queue: deque[asyncio.Future[bool]] = deque()
        self._stands_since: float | None = None
        self._last_turn = 0.0
        self.coming = 0
        """Requests that have been let in and have not got as far as to ask for a place."""
        self._between_turns = 0.0

    @property
    def full(self) -> bool:
        """Whether there is no place, not even one to wait at."""
        return self._is_full(self._free, len(self._queue))

    @property
    def crowded(self) -> bool:
        """Whether there will be none when those have come who are let in already."""
        if not self.coming:
            return self.full
        ahead = len(self._queue) + self.coming
        return self._is_full(max(0, self._free - ahead), max(0, ahead - self._free))

    def _is_full(self, free: int, waiting: int) -> bool:
        if free:
            return False
        if waiting >= self._queue_limit:
            return True
        return self._stands and waiting * self._between_turns > BRIEF_SECONDS

    @property
    def _stands(self) -> bool:
        since = self._stands_since
        return since is not None and _now() - since > STANDING * self._queue_seconds

    def take(self) -> "Place | None":
        """Return a place if one is free."""
        if self._free == 0:
            return None
        self._free -= 1
        return Place(self)

    async def wait(self) -> "Place | None":
        """Return the next place, None when none has become free in time."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        if self._stands_since is None:
            self._stands_since = self._last_turn = _now()
        self._queue.append(turn)
        brief = min(2 * BRIEF_SECONDS, self._queue_seconds)
        seconds = brief if self._stands else self._queue_seconds
        late = loop.call_later(seconds, self._give_up, turn)
        try:
            came = await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.result():
                self.pass_on()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise
        finally:
            late.cancel()
        return Place(self) if came else None

    def pass_on(self) -> None:
        """Let the next in, or keep the place free."""
        if self._queue:
            now = _now()
            self._between_turns += _WEIGHT * (now - self._last_turn - self._between_turns)
            self._last_turn = now
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():  # who was cancelled may not have left the queue yet
                turn.set_result(True)
                return
        self._stands_since = None
        self._free += 1

    def _give_up(self, turn: "asyncio.Future[bool]") -> None:
        if not turn.done():
            self._queue.remove(turn)
            turn.set_result(False)


class Place:
    """The right to be worked on; given back once, however often it is left."""

    def __init__(self, places: Places) -> None:
        self._places: Places | None = places

    def leave(self) -> None:
        """Give the place to the next."""
        places, self._places = self._places, None
        if places is not None:
            places.pass_on()


def _now() -> float:
    return asyncio.get_running_loop().time()
