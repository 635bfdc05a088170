"""The clock: the only source of time in the services, and of the jitter in their waits."""

import asyncio
import random
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back; only differences mean something."""
    return asyncio.get_running_loop().time()


async def pause(seconds: float) -> None:
    """Sleep between half of ``seconds`` and all of it, so that many waiters spread out."""
    await asyncio.sleep(seconds * random.uniform(0.5, 1))  # noqa: S311 (no secret is made)
