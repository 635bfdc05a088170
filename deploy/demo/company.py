"""A small company, set up through the public APIs: people, products, targets and plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from deploy.demo.client import Api, Json
from shared.period import NamedPeriod

CURRENCY = "CNY"
COMPANY = "星海科技 Xinghai"
REGION = "华东大区 East China"
TEAMS = ("上海团队 Shanghai", "杭州团队 Hangzhou")
SINCE = date(2020, 1, 1)


class Person(NamedTuple):
    """A member of the company; ``target`` is revenue per quarter, None for none."""

    name: str
    team: str
    target: str | None
    leads: bool = False


PEOPLE = (
    Person("陈静 Chen Jing", TEAMS[0], None, leads=True),
    Person("李明 Li Ming", TEAMS[0], "100000.00"),
    Person("王芳 Wang Fang", TEAMS[0], "120000.00"),
    Person("周涛 Zhou Tao", TEAMS[1], None, leads=True),
    Person("张伟 Zhang Wei", TEAMS[1], "100000.00"),
    Person("刘洋 Liu Yang", TEAMS[1], "80000.00"),
    Person("赵敏 Zhao Min", TEAMS[1], None),
)
UNIT_TARGETS = {TEAMS[0]: "220000.00", TEAMS[1]: "180000.00", COMPANY: "400000.00"}
PRODUCTS = {
    "PH-BASIC": ("灯塔基础版 Pharos Basic", "20000.00"),
    "PH-ENTERPRISE": ("灯塔企业版 Pharos Enterprise", "60000.00"),
}
ACCOUNTS = ("东方机械 Oriental Machinery", "江南医药 Jiangnan Pharma", "西湖软件 Westlake Software")


@dataclass(frozen=True, slots=True)
class Company:
    """The ids of what was set up, by name; products by code."""

    period: NamedPeriod
    units: Mapping[str, str]
    members: Mapping[str, str]
    products: Mapping[str, str]
    accounts: Mapping[str, str]

    def name_of(self, scope_id: str) -> str | None:
        """Return the name of a member or a unit, None for one of another company."""
        for names in (self.members, self.units):
            for name, known in names.items():
                if known == scope_id:
                    return name
        return None


async def set_up(api: Api, period: NamedPeriod) -> Company:
    """Make the company, its targets for a quarter, and its plans from that quarter on."""
    units = await _units(api)
    members = {person.name: await _member(api, person, units) for person in PEOPLE}
    products = {code: await _product(api, code) for code in PRODUCTS}
    accounts = {
        name: (await api.post("/pipeline/v1/accounts", {"name": name}))["id"] for name in ACCOUNTS
    }
    company = Company(period, units, members, products, accounts)
    await api.post("/targets/v1/targets/bulk", {"targets": _targets(company)})
    await _pay(api, company)
    return company


async def _units(api: Api) -> dict[str, str]:
    found: dict[str, str] = {}
    places = [(COMPANY, "company", None), (REGION, "region", COMPANY)]
    places += [(team, "team", REGION) for team in TEAMS]
    for name, kind, parent in places:
        body = {
            "name": name,
            "kind": kind,
            "parent_id": None if parent is None else found[parent],
            "valid_from": SINCE.isoformat(),
        }
        found[name] = (await api.post("/targets/v1/units", body))["id"]
    return found


async def _member(api: Api, person: Person, units: Mapping[str, str]) -> str:
    body = {
        "name": person.name,
        "unit_id": units[person.team],
        "leads": person.leads,
        "valid_from": SINCE.isoformat(),
    }
    return str((await api.post("/targets/v1/members", body))["id"])


async def _product(api: Api, code: str) -> str:
    name, price = PRODUCTS[code]
    body = {"name": name, "line": "灯塔 Pharos", "list_price": money(price)}
    return str((await api.put(f"/pipeline/v1/products/{code}", body))["id"])


def _targets(company: Company) -> Sequence[Json]:
    persons = [
        ("member", company.members[person.name], person.target)
        for person in PEOPLE
        if person.target is not None
    ]
    units = [("unit", company.units[name], value) for name, value in UNIT_TARGETS.items()]
    return [
        {
            "scope": scope,
            "scope_id": scope_id,
            "metric": "revenue",
            "period": company.period.name,
            "value": value,
            "currency": CURRENCY,
        }
        for scope, scope_id, value in [*persons, *units]
    ]


async def _pay(api: Api, company: Company) -> None:
    """Make the plan of the sellers, and for each team the plan of the manager who leads it."""
    sellers = [company.members[person.name] for person in PEOPLE if not person.leads]
    await _plan(api, company, "销售提成 Sellers' commission", _own_credits(), sellers)
    for manager in (person for person in PEOPLE if person.leads):
        component = _team_attainment(company.units[manager.team])
        payees = [company.members[manager.name]]
        await _plan(api, company, f"管理提成 Manager · {manager.team}", component, payees)


async def _plan(
    api: Api, company: Company, name: str, component: Json, payees: Sequence[str]
) -> None:
    start = company.period.period.start.isoformat()
    plan = await api.post(
        "/performance/v1/plans",
        {"name": name, "valid_from": start, "currency": CURRENCY, "components": [component]},
    )
    await api.post(
        f"/performance/v1/plans/{plan['id']}/assignments",
        {"payee_ids": payees, "valid_from": start, "valid_to": None},
    )


def _own_credits() -> Json:
    return own_credits_plan(
        key="commission", up_to_target="0.05", above_target="0.08", without_target="0.05"
    )


def own_credits_plan(
    *, key: str, up_to_target: str, above_target: str, without_target: str
) -> Json:
    """Return a component: one rate up to the own target, one above it, one without a target."""
    table = _table(
        "marginal", "share_of_quota", [("0", "1", up_to_target), ("1", None, above_target)]
    )
    return {
        "kind": "commission",
        "key": key,
        "measure": {"kind": "own_credits", "metric": "revenue"},
        "period": "quarter",
        "table": table,
        "without_quota": _table("marginal", "amount", [("0", None, without_target)]),
        "rounding": "half_up",
    }


def _team_attainment(unit_id: str) -> Json:
    """Return a component: all of the team's revenue at the rate of the attainment reached."""
    tiers = [("0", "0.5", "0.005"), ("0.5", "1", "0.01"), ("1", None, "0.015")]
    return {
        "kind": "commission",
        "key": "team",
        "measure": {"kind": "unit_attainment", "unit_id": unit_id, "metric": "revenue"},
        "period": "quarter",
        "table": _table("whole", "share_of_quota", tiers),
        "without_quota": None,
        "rounding": "half_up",
    }


def _table(mode: str, bounds: str, tiers: Sequence[tuple[str, str | None, str]]) -> Json:
    rows = [{"from": start, "to": end, "rate": rate} for start, end, rate in tiers]
    return {"mode": mode, "boundary": "from", "bounds": bounds, "tiers": rows}


def money(amount: str, currency: str = CURRENCY) -> Json:
    """Return an amount as the wire carries it."""
    return {"amount": amount, "currency": currency}
