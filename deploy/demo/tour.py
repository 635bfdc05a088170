"""The tour: a small company, a few deals, and how attainment and pay follow each of them."""

from rich.console import Console

from deploy.demo import screen
from deploy.demo.chain import Chain, Told
from deploy.demo.client import Api, DemoFailed
from deploy.demo.company import COMPANY, CURRENCY, PEOPLE, TEAMS, Company, set_up
from deploy.demo.feeds import Watch
from deploy.demo.statement import read_statement, sums
from deploy.demo.stillness import still
from deploy.demo.story import STATEMENT_OF, STORY
from shared import clock
from shared.money import Money
from shared.period import FiscalCalendar

STATEMENTS = "/performance/v1/statements"
WATCHED = ("pipeline", "targets", "performance")
REST_SECONDS_MAX = 20


async def tour(api: Api, console: Console) -> None:
    """Show the whole chain; raises DemoFailed where something is not as it must be."""
    today = clock.now().date()
    period = FiscalCalendar().quarter(today)
    screen.heading(console, f"{COMPANY} · {period.name}")
    company = await set_up(api, period)
    await still(api, REST_SECONDS_MAX)
    console.print(
        f"{len(company.units)} units, {len(company.members)} members, targets and plans are set "
        "over HTTP. Now deals are won; the milliseconds count from the HTTP answer to the moment "
        "when a long poll of the feed brings the figure.\n"
        "组织、目标与激励方案已通过接口建立。下面逐笔赢单；毫秒数从 HTTP 应答算起，"
        "到事件流长轮询返回该数字为止。",
        highlight=False,
    )
    seen: list[Told] = []
    async with Watch(api, WATCHED) as watch:
        chain = Chain(api, watch, company, today)
        for number, step in enumerate(STORY, start=1):
            seen.append(await chain.run(step))
            screen.told(console, number, seen[-1])
    screen.delays(console, seen)
    await _check_roll_up(api, company)
    await _show_statement(api, console, company)


async def _check_roll_up(api: Api, company: Company) -> None:
    """Refuse attainments that do not add up: members to teams, teams to the company."""
    actuals = {name: Money.zero(CURRENCY) for name in (*company.members, *company.units)}
    async for found in api.items(
        "/targets/v1/attainments", period=company.period.name, metric="revenue"
    ):
        name = company.name_of(found["scope_id"])
        if name is not None:
            actuals[name] = Money.of(found["actual"], CURRENCY)
    nothing = Money.zero(CURRENCY)
    for team in TEAMS:
        people = sum((actuals[p.name] for p in PEOPLE if p.team == team), nothing)
        if people != actuals[team]:
            raise DemoFailed(f"The members of {team} have {people}, the team {actuals[team]}.")
    teams = sum((actuals[team] for team in TEAMS), nothing)
    if teams != actuals[COMPANY]:
        raise DemoFailed(f"The teams have {teams}, the company {actuals[COMPANY]}.")


async def _show_statement(api: Api, console: Console, company: Company) -> None:
    """Print one payee's statement; the sums of everybody's are checked."""
    period = company.period.name
    payees = {item["payee_id"] async for item in api.items(STATEMENTS, period=period)}
    for name, member_id in company.members.items():
        if member_id not in payees:
            continue
        read = await read_statement(api, member_id, period)
        found = list(sums(read))
        if name == STATEMENT_OF:
            deals = {
                credit["fact_id"]: await _deal_name(api, credit["fact_id"])
                for component in read.components
                for credit in component["credits"]
            }
            screen.statement(console, name, read, deals)
            screen.ledger(console, read, found)


async def _deal_name(api: Api, deal_id: str) -> str:
    return str((await api.get(f"/pipeline/v1/deals/{deal_id}"))["name"])
