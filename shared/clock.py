"""The clock: the only source of time in the services, and of the jitter in their waits."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back; only differences mean something."""
    return asyncio.get_running_loop().time()


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event, at most so long; True when it is set.

    ``asyncio.wait_for`` is not used anywhere: up to Python 3.11 it can swallow a cancellation that
    meets the end of what it waits for, and the cancelled task then lives on.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def pause(seconds: float) -> None:
    """Sleep between half of ``seconds`` and all of it, so that many waiters spread out."""
    await asyncio.sleep(seconds * random.uniform(0.5, 1))  # noqa: S311 (no secret is made)


def spread(seconds: float) -> float:
    """Return between all of ``seconds`` and a tenth more, so that what failed at once spreads."""
    return seconds * random.uniform(1, 1.1)  # noqa: S311 (no secret is made)
