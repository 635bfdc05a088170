"""Places: how many requests are worked on at once; a bounded number wait, all others are shed."""

import asyncio
from collections import deque


class Places:
    """A semaphore whose queue is bounded in length and in time; first come, first served."""

    def __init__(self, slots: int, queue_limit: int, queue_seconds: float) -> None:
        self._free = slots
        self._queue_limit = queue_limit
        self._queue_seconds = queue_seconds
        self._queue: deque[asyncio.Future[bool]] = deque()

    @property
    def full(self) -> bool:
        """Whether there is no place, not even one to wait at."""
        return self._free == 0 and len(self._queue) >= self._queue_limit

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
        self._queue.append(turn)
        late = loop.call_later(self._queue_seconds, self._give_up, turn)
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
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():  # who was cancelled may not have left the queue yet
                turn.set_result(True)
                return
        self._free += 1

    def _give_up(self, turn: "asyncio.Future[bool]") -> None:
        if not turn.done():
            self._queue.remove(turn)  # the first: it has waited for longest
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
