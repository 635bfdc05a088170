"""A stack in the foreground of a terminal, until a signal or a failure ends it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import uvloop

from deploy.local.stack import Stack

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Ready = Callable[[Stack], Awaitable[None]]
"""What is done once everything runs; the stack goes on afterwards."""


def run_in_foreground(stack: Stack, ready: Ready) -> None:
    """Start the stack, call ``ready``, and hold it until Ctrl-C, SIGTERM, or a closed terminal.

    A second signal ends the process at once; its children end with it. Raises what ``start``,
    ``ready`` and ``watch`` of the stack raise.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_a_signal(stack, ready))


async def _until_a_signal(stack: Stack, ready: Ready) -> None:
    signalled = asyncio.Event()
    with _heard(signalled):
        holding = asyncio.create_task(_hold(stack, ready))
        waiting = asyncio.create_task(signalled.wait())
        await asyncio.wait({holding, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    holding.cancel()
    with suppress(asyncio.CancelledError):
        await holding


async def _hold(stack: Stack, ready: Ready) -> None:
    async with stack:
        await ready(stack)
        await stack.watch()


@contextmanager
def _heard(signalled: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, signalled.set)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
