"""Servers that stand still: stopped by a signal with all their processes, and set going again."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def family(pid: int) -> list[int]:
    """Return a process and all that it started, directly or not."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a server that is ours, all its processes, for as long as this is open."""
    stopped: list[int] = []
    try:
        # The first is stopped first, so that it starts no others meanwhile.
        for one in [pid, *family(pid)[1:]]:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGSTOP)
                stopped.append(one)
        yield
    finally:
        for one in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGCONT)
