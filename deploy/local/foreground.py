"""A stack in the foreground of a terminal, until a signal or a failure ends it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
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
        runner.run(_until_a_signal(_hold(stack, ready)))


def run_to_its_end(stack: Stack, work: Ready) -> bool:
    """Start the stack, do the work, and stop; return False when a signal came before its end.

    Raises as ``run_in_foreground`` does.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_a_signal(_do(stack, work)))


async def _until_a_signal(held: Coroutine[None, None, None]) -> bool:
    """Run to the end, or until a signal cancels it; return whether it came to its end."""
    signalled = asyncio.Event()
    with _heard(signalled):
        holding = asyncio.create_task(held)
        waiting = asyncio.create_task(signalled.wait())
        await asyncio.wait({holding, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    ended = holding.done()
    holding.cancel()
    with suppress(asyncio.CancelledError):
        await holding
    return ended


async def _hold(stack: Stack, ready: Ready) -> None:
    async with stack:
        await ready(stack)
        await stack.watch()


async def _do(stack: Stack, work: Ready) -> None:
    async with stack:
        working = asyncio.ensure_future(work(stack))
        watching = asyncio.create_task(stack.watch())
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            # A server that died is the reason for whatever went wrong with the work.
            await (watching if watching.done() else working)
        finally:
            watching.cancel()
            working.cancel()
            await asyncio.gather(watching, working, return_exceptions=True)


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
