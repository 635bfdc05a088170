"""The demonstration as a command: starts everything, shows, stops everything."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from deploy.demo.client import Api, DemoFailed, opened
from deploy.demo.crm.loading import prepared, show_load
from deploy.demo.tour import tour
from deploy.local.foreground import run_to_its_end
from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack

INTERRUPTED: Final = 130
"""What a shell calls the exit of a program that Ctrl-C ended."""

Show = Callable[[Api, Console], Awaitable[None]]


def show(
    export: Path | None, currency: str, folder: Path | None, *, twice: bool, isolated: bool
) -> int:
    """Show the tour, or what an export brings; return the exit code of the process.

    Without a folder the data lives in a new one, which is removed at the end. Raises what the
    stack raises when it cannot start.
    """
    console = Console()
    try:
        what = _what(export, currency, twice=twice)
        with _data(folder) as data:
            finished = _run(Stack(data, isolated=isolated), what, console)
    except DemoFailed as failure:
        console.print(f"\n[bold red]Failed 失败:[/] {escape(str(failure))}", highlight=False)
        return 1
    said = "All is stopped again 已全部停止." if finished else "Stopped 已停止."
    console.print(f"\n{said}")
    return 0 if finished else INTERRUPTED


def _what(export: Path | None, currency: str, *, twice: bool) -> Show:
    """Return what is to be shown. An export is read first: one that is no good starts nothing."""
    if export is None:
        return tour
    load = prepared(export, currency)

    async def show_this(api: Api, console: Console) -> None:
        await show_load(api, console, export, load, twice=twice)

    return show_this


def _run(stack: Stack, what: Show, console: Console) -> bool:
    async def work(running: Stack) -> None:
        async with opened(running) as api:
            await what(api, console)

    return run_to_its_end(stack, work)


@contextmanager
def _data(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with throwaway_folder("pharos-demo-") as made:
        yield made
