"""The doorbell: wakes the relay after a commit, in this process or through the broker."""

import asyncio

from shared import clock
from shared.events.broker import Broker


class Doorbell:
    """One per partition and process.

    A commit rings it. While this process leads the partition the relay wakes at once; otherwise
    the ring goes to the leader as a hint over the broker. ``numbered`` wakes those who wait for
    the log to grow: each growth sets the present ``grown`` and puts a new one in its place.
    """

    def __init__(self, broker: Broker, source: str, partition: int) -> None:
        self._broker = broker
        self._source = source
        self._partition = partition
        self._topic = f"wake.{source}.{partition}"
        self._rung = asyncio.Event()
        self._leads = False
        self._listening = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.grown = asyncio.Event()

    def ring(self) -> None:
        """Say that something was committed."""
        if self._leads:
            self._rung.set()
        elif self._broker.connected:
            self._keep(asyncio.create_task(self._broker.tell(self._topic, "")))

    def ring_here(self, _: str = "") -> None:
        """Wake the relay of this process."""
        self._rung.set()

    def lead(self) -> None:
        """Remember that this process leads the partition."""
        self._leads = True

    def leave(self) -> None:
        """Remember that this process does not lead the partition."""
        self._leads = False

    async def listen(self) -> None:
        """Hear the rings of other replicas and the heads that their relays tell."""
        if self._listening:  # the connection keeps its subscriptions when it comes back
            return
        await self._broker.hear(self._topic, self.ring_here)
        await self._broker.hear(f"head.{self._source}.{self._partition}", self.numbered)
        self._listening = True

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring, at most so long; True when it rang."""
        rung = await clock.within(seconds, self._rung)
        self._rung.clear()
        return rung

    def numbered(self, _: object = None) -> None:
        """Say that the log has grown."""
        self.grown.set()
        self.grown = asyncio.Event()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
