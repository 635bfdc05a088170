"""What the terminal shows of a load: what was corrected, what became of it, what it brought."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.demo import screen
from deploy.demo.crm.cleaning import Load
from deploy.demo.crm.posting import COMPANY, Outcome, Posted, team_of
from deploy.demo.crm.results import Place, Result
from shared.contracts.pipeline import DealStage
from shared.money import Money

BEST = 3


def cleaned(console: Console, load: Load) -> None:
    """Show what was found in the files and what was made of it."""
    stages = ", ".join(
        f"{sum(deal.stage is stage for deal in load.deals):,} {stage.value}" for stage in DealStage
    )
    console.print(
        f"{len(load.deals):,} deals: {stages}. Currency {load.currency}.", highlight=False
    )
    shown = screen.table("rows\n行数", "found\n发现", "made of it\n处理", numbers=(0,))
    for correction, count in load.corrections.items():
        shown.add_row(f"{count:,}", escape(correction.found), escape(correction.made))
    console.print(shown)


def outcomes(console: Console, posted: Posted) -> None:
    """Show what became of the items of each noun."""
    shown = screen.table("", *(outcome.value for outcome in Outcome), numbers=(1, 2, 3))
    for noun, counts in posted.outcomes.items():
        shown.add_row(noun, *(f"{counts[outcome]:,}" for outcome in Outcome))
    console.print(shown)


def quarter(
    console: Console,
    load: Load,
    posted: Posted,
    name: str,
    results: Mapping[Place, Result],
    pay: Mapping[Place, Money],
) -> None:
    """Show a quarter: the company, the managers' teams, and the best agents."""
    headings = ("won\n赢单", "revenue\n业绩", "target\n目标", "\n达成率", "incentive\n提成")
    shown = screen.table(name, *headings, numbers=(1, 2, 3, 4, 5))
    earned = {
        agent.name: pay.get(Place(posted.members[agent.name], name), Money.zero(load.currency))
        for agent in load.agents
    }
    nothing = Money.zero(load.currency).rounded()
    everything = sum(earned.values(), nothing)
    _add(shown, "Company 公司", results.get(Place(posted.units[COMPANY], name)), everything)
    for manager in load.managers:
        team = sum((earned[a.name] for a in load.agents if a.manager == manager), nothing)
        _add(shown, f"  {manager}", results.get(Place(posted.units[team_of(manager)], name)), team)
    for agent in _best(load, posted, name, results):
        result = results.get(Place(posted.members[agent], name))
        _add(shown, f"  ★ {agent}", result, earned[agent])
    console.print(shown)
    console.print()


def _best(load: Load, posted: Posted, name: str, results: Mapping[Place, Result]) -> Sequence[str]:
    found = {
        agent.name: result.revenue.amount
        for agent in load.agents
        if (result := results.get(Place(posted.members[agent.name], name))) is not None
    }
    return sorted(found, key=lambda agent: (-found[agent], agent))[:BEST]


def _add(shown: Table, name: str, result: Result | None, earned: Money) -> None:
    name = escape(name)  # a name from a file may look like markup
    if result is None:
        shown.add_row(name, "0", "—", "—", "—", screen.amount(earned))
        return
    shown.add_row(
        name,
        f"{result.won:,}",
        screen.amount(result.revenue),
        screen.amount(result.target),
        screen.percent(result.attainment),
        screen.amount(earned),
    )
