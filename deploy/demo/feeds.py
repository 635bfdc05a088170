"""The feeds as an outside client follows them: by long polls, with the moment of each arrival."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from deploy.demo.client import Api, DemoFailed, Json
from shared import clock

WAIT_SECONDS = 25


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as it came out of a feed; ``at`` is the moment on the monotonic clock."""

    source: str
    number: int
    type: str
    subject: str
    version: int
    correlation_id: str
    data: Json
    at: float

    @property
    def kind(self) -> str:
        """Return the type without prefix and version: ``pipeline.deal.won``."""
        return self.type.removeprefix("pharos.").rpartition(".v")[0]


class Watch:
    """Long polls on some feeds, from where they end when the block is entered."""

    def __init__(self, api: Api, services: Sequence[str]) -> None:
        self._api = api
        self._services = services
        self._seen: list[Seen] = []
        self._grown = asyncio.Event()
        self._polls: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        heads = await self._api.heads(self._services)
        self._polls = [asyncio.create_task(self._follow(name, heads[name])) for name in heads]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for poll in self._polls:
            poll.cancel()
        await asyncio.gather(*self._polls, return_exceptions=True)

    def mark(self) -> int:
        """Return the place behind everything that has come so far."""
        return len(self._seen)

    def since(self, mark: int) -> Sequence[Seen]:
        """Return what has come behind a place."""
        return self._seen[mark:]

    async def until(
        self, done: Callable[[Sequence[Seen]], bool], mark: int, seconds: float
    ) -> Sequence[Seen]:
        """Return what has come behind a place once that is enough, or when the time is over.

        Raises DemoFailed when a feed stops answering.
        """
        deadline = time.monotonic() + seconds
        while not done(self.since(mark)):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._check()
            self._grown.clear()
            await clock.within(left, self._grown)
        return self.since(mark)

    async def _follow(self, service: str, after: int) -> None:
        try:
            while True:
                page = await self._api.get(
                    f"/{service}/v1/events", after=after, wait=WAIT_SECONDS, limit=500
                )
                self._note(service, page["events"], time.monotonic())
                after += len(page["events"])
        finally:
            self._grown.set()

    def _note(self, service: str, events: Iterable[Json], at: float) -> None:
        for event in events:
            self._seen.append(
                Seen(
                    source=service,
                    number=event["sequence"],
                    type=event["type"],
                    subject=event["subject"],
                    version=event["aggregateversion"],
                    correlation_id=event["correlationid"],
                    data=event.get("data") or {},
                    at=at,
                )
            )
        self._grown.set()

    def _check(self) -> None:
        for poll in self._polls:
            if poll.done() and (error := poll.exception()) is not None:
                raise DemoFailed(f"A feed stopped answering: {error}") from error
