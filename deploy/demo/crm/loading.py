"""The demonstration on a CRM export, from the files to figures that agree with it to the cent."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.demo import screen
from deploy.demo.client import Api, DemoFailed
from deploy.demo.crm import oracle, report
from deploy.demo.crm.cleaning import Load, cleaned
from deploy.demo.crm.goals import GROWTH, goals, put_plan, set_goals
from deploy.demo.crm.posting import Posted, post, size
from deploy.demo.crm.reading import read
from deploy.demo.crm.results import Place, Result, attained, paid, quarters_of
from deploy.demo.stillness import still
from shared.money import Money
from shared.period import FiscalCalendar

REST_SECONDS_MAX: Final = 120
CALENDAR: Final = FiscalCalendar()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load that has come to rest: ids and outcomes, figures and pay, and the feeds' heads."""

    posted: Posted
    results: Mapping[Place, Result]
    pay: Mapping[Place, Money]
    heads: Mapping[str, int]


def prepared(folder: Path, currency: str) -> Load:
    """Return what an export says, cleaned; raises ExportUnusable."""
    return cleaned(read(folder), currency, CALENDAR)


async def load_export(api: Api, load: Load, console: Console) -> Loaded:
    """Post a load, wait until all figures have followed, and read them back."""
    with _progress(console) as progress:
        task = progress.add_task("posting 导入", total=size(load))
        posted = await post(api, load, lambda count: progress.advance(task, count))
    with console.status("working in 计算中"):
        return await _followed(api, load, posted)


async def _followed(api: Api, load: Load, posted: Posted) -> Loaded:
    """Set targets by what was attained, put the plan, and read what comes of it all."""
    await still(api, REST_SECONDS_MAX)
    quarters = quarters_of(load, CALENDAR)
    members = {posted.members[agent.name] for agent in load.agents}
    revenue = await attained(api, quarters, load.currency, members)
    wanted = goals({place: found.revenue for place, found in revenue.items()}, quarters, GROWTH)
    await set_goals(api, wanted, posted)
    await put_plan(api, load, posted)
    heads = await still(api, REST_SECONDS_MAX)
    scopes = members | set(posted.units.values())
    results = await attained(api, quarters, load.currency, scopes)
    own = {place: result for place, result in results.items() if place.scope_id in members}
    return Loaded(posted, results, await paid(api, own), heads)


async def show_load(api: Api, console: Console, folder: Path, load: Load, *, twice: bool) -> None:
    """Load an export and show what it brought; raises DemoFailed where the oracles disagree."""
    screen.heading(console, "What was read and corrected · 读取与修正")
    report.cleaned(console, load)
    screen.heading(console, "Posted over HTTP · 经接口导入")
    began = time.monotonic()
    loaded = await load_export(api, load, console)
    report.outcomes(console, loaded.posted)
    console.print(f"Everything is worked in after {time.monotonic() - began:.1f} s.")
    screen.heading(console, "Read back from the APIs · 从接口读回")
    for quarter in quarters_of(load, CALENDAR):
        report.quarter(console, load, loaded.posted, quarter.name, loaded.results, loaded.pay)
    _compare(console, folder, load, loaded)
    if twice:
        await _again(api, console, load, loaded)


def _compare(console: Console, folder: Path, load: Load, loaded: Loaded) -> None:
    expected = oracle.read(folder, loaded.posted, load.currency)
    if not expected:
        console.print("There is no oracle beside the export to compare with.")
        return
    wrong = list(oracle.differences(expected, loaded.results))
    if wrong:
        raise DemoFailed("The oracles say otherwise:\n" + "\n".join(wrong))
    console.print(
        f"Compared with the oracles, {len(expected)} rows of revenue and won deals: "
        "[green]equal 一致[/].",
        highlight=False,
    )


async def _again(api: Api, console: Console, load: Load, before: Loaded) -> None:
    screen.heading(console, "The same files once more · 再次导入同一文件")
    again = await load_export(api, load, console)
    report.outcomes(console, again.posted)
    if again.posted.changed or again.heads != before.heads:
        raise DemoFailed(
            f"The second load changed {again.posted.changed} items; the feeds ended at "
            f"{dict(before.heads)} and end at {dict(again.heads)}."
        )
    ends = ", ".join(f"{service} #{head}" for service, head in again.heads.items())
    console.print(
        f"[green]Nothing changed, no feed has a new event 无任何变化[/] ({ends}).",
        highlight=False,
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
