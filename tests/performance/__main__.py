"""The bench: ``make bench``, or ``python -m tests.performance [chain] [replay] [growth] …``.

It measures ours beside the bare limits, on servers of its own, and leaves nothing behind.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence

import uvloop

from deploy.local.errors import EmbeddedError
from shared import logs
from tests.performance import (
    backlog,
    chain,
    growth,
    imports,
    memory,
    relay,
    replay,
    shell,
    win_deal,
)
from tests.performance.company import Setup
from tests.performance.figures import BenchFailed, Figure, show
from tests.performance.installation import installed


async def bench(parts: Sequence[str]) -> Sequence[Figure]:
    """Measure these parts, each in installations of its own."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    figures: list[Figure] = []
    for part in parts:
        figures += await PARTS[part]()
    return figures


async def _of_chain() -> Sequence[Figure]:
    """Measure what has one process per service first, then the chain in one."""
    figures: list[Figure] = []
    async with installed(isolated=True) as installation:
        _say("A process per service: setting a company up")
        company = await Setup(installation.stack.base_url, installation.token).company()
        await installation.stop("targets", "performance", "knowledge")
        for measure in (backlog.measure, win_deal.measure, relay.measure):
            _say(f"Measuring {measure.__module__.rpartition('.')[2]}")
            figures += await measure(installation, company)
        _say("Measuring memory")
        figures += await memory.measure(installation)
    async with installed(isolated=False) as installation:
        _say("All in one process: measuring the chain at low load")
        figures += await chain.measure(installation)
    return figures


async def _of_replay() -> Sequence[Figure]:
    """Measure how fast a long backlog is worked off."""
    async with installed(isolated=True) as installation:
        company = await Setup(installation.stack.base_url, installation.token).company()
        _say("Measuring a long backlog")
        return await replay.measure(installation, company)


async def _of_growth() -> Sequence[Figure]:
    """Measure what more facts, targets and partitions do to the speed."""
    async with installed(isolated=True) as installation:
        company = await Setup(installation.stack.base_url, installation.token).company()
        _say("Measuring growth")
        return await growth.measure(installation, company)


async def _of_shell() -> Sequence[Figure]:
    """Measure what overload, and slow and fat clients, do to everybody else."""
    async with installed(isolated=True) as installation:
        await installation.stop("targets", "performance", "knowledge")
        _say("Measuring overload and slow clients")
        return await shell.measure(installation)


async def _of_imports() -> Sequence[Figure]:
    """Measure a million rows from a file and back into one."""
    async with installed(isolated=True) as installation:
        await installation.stop("targets", "performance", "knowledge")
        _say("Measuring imports and exports")
        return await imports.measure(installation)


PARTS = {
    "chain": _of_chain,
    "replay": _of_replay,
    "growth": _of_growth,
    "imports": _of_imports,
    "shell": _of_shell,
}


def _say(line: str) -> None:
    sys.stderr.write(f"{line} …\n")


def main() -> int:
    """Run the bench until it is done, Ctrl-C or SIGTERM; nothing is left behind."""
    logs.configure("warning")
    parts = sys.argv[1:] or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        sys.stderr.write(f"No part {', '.join(unknown)}; there are {', '.join(PARTS)}.\n")
        return 2
    began = time.monotonic()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(bench(parts))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("Stopped")
        return 130
    except (BenchFailed, EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(figures, time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
