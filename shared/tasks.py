"""Ending background work."""

import asyncio
from collections.abc import Iterable

from shared import clock

STOP_SECONDS = 5.0
AGAIN_SECONDS = 0.2


async def end(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they are done, for five seconds at the most.

    Once is not enough: nats-py swallows a cancellation that meets it while it flushes.
    """
    pending = {task for task in tasks if not task.done()}
    until = clock.monotonic() + STOP_SECONDS
    while pending and clock.monotonic() < until:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_SECONDS)
