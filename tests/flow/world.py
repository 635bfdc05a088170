"""A small company in the words of its people: open a deal, win it, settle, see what it brought."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import httpx

from deploy.local.stack import Stack
from shared.ids import new_id
from tests.flow.settling import settled

Json: TypeAlias = dict[str, Any]

COMPANY, EAST, WEST = "星海科技", "东区", "西区"
LI, WANG, ZHANG = "李明", "王芳", "张伟"
CHEN, ZHOU = "陈静", "周涛"
TEAM_OF = {LI: EAST, WANG: EAST, CHEN: EAST, ZHANG: WEST, ZHOU: WEST}
SELLERS, LEADERS = (LI, WANG, ZHANG), (CHEN, ZHOU)

SINCE = "2025-01-01"
QUARTER, BEFORE, NEXT = "2025-Q2", "2025-Q1", "2025-Q3"
DAY = "2025-05-15"
"""A day of QUARTER; a deal is closed on it unless a test says otherwise."""


class World:
    """Company, two teams with a leader each, three sellers; every world has its own.

    Figures are text as the APIs give it. Amounts are in CNY.
    """

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self.stack = stack
        self.http = http
        self.units: dict[str, str] = {}
        self.members: dict[str, str] = {}

    async def found(self) -> None:
        """Make units and members."""
        for name, kind, parent in (
            (COMPANY, "company", None),
            (EAST, "team", COMPANY),
            (WEST, "team", COMPANY),
        ):
            body = {
                "name": name,
                "kind": kind,
                "parent_id": None if parent is None else self.units[parent],
                "valid_from": SINCE,
            }
            self.units[name] = (await self.post("/targets/v1/units", body))["id"]
        for name, team in TEAM_OF.items():
            body = self._membership(name, team, SINCE)
            self.members[name] = (await self.post("/targets/v1/members", body))["id"]

    # What people do ------------------------------------------------------------------------------

    async def move(self, name: str, team: str, since: str) -> None:
        """Let a member belong to another team from a day on."""
        path = f"/targets/v1/members/{self.members[name]}"
        await self.answered(await self.http.put(path, json=self._membership(name, team, since)))

    async def set_target(self, name: str, value: str | None, quarter: str = QUARTER) -> None:
        """Set, change or withdraw the revenue target of a member or unit."""
        body = {
            "scope": "unit" if name in self.units else "member",
            "scope_id": self.scope(name),
            "metric": "revenue",
            "period": quarter,
            "value": value,
            "currency": "CNY",
        }
        await self.answered(await self.http.put("/targets/v1/targets", json=body))

    async def pay_sellers(self, *names: str, since: str = SINCE) -> str:
        """Pay 5 % up to the own target and 8 % above, without a target 5 %; return the plan."""
        by_share = [("0", "1", "0.05"), ("1", None, "0.08")]
        component = _component(
            {"kind": "own_credits", "metric": "revenue"},
            _table("marginal", "share_of_quota", by_share),
            _table("marginal", "amount", [("0", None, "0.05")]),
        )
        return await self._pay("销售提成", component, names or SELLERS, since)

    async def pay_leader(self, name: str) -> str:
        """Pay on all of the team's revenue: 1 % below its target, 2 % from there on."""
        measure = {
            "kind": "unit_attainment",
            "unit_id": self.units[TEAM_OF[name]],
            "metric": "revenue",
        }
        by_share = [("0", "1", "0.01"), ("1", None, "0.02")]
        component = _component(measure, _table("whole", "share_of_quota", by_share), None)
        return await self._pay("管理提成", component, [name], SINCE)

    async def open_deal(
        self, amount: str, owner: str = LI, shares: Mapping[str, str] | None = None
    ) -> str:
        """Open a deal and return its id."""
        terms = self.terms(amount, owner, shares)
        key = {"Idempotency-Key": str(new_id())}
        answer = await self.http.post("/pipeline/v1/deals", json=terms, headers=key)
        return str((await self.answered(answer))["id"])

    async def win(self, deal: str, on: str = DAY) -> Json:
        """Win a deal on a day."""
        return await self.post(f"/pipeline/v1/deals/{deal}/transitions", {"to": "won", "on": on})

    async def lose(self, deal: str, on: str = DAY) -> Json:
        """Lose a deal on a day."""
        return await self.post(f"/pipeline/v1/deals/{deal}/transitions", {"to": "lost", "on": on})

    async def reopen(self, deal: str) -> Json:
        """Open a closed deal again."""
        return await self.post(f"/pipeline/v1/deals/{deal}/transitions", {"to": "open"})

    async def won_deal(
        self, amount: str, owner: str = LI, shares: Mapping[str, str] | None = None, on: str = DAY
    ) -> str:
        """Open and win a deal; return its id."""
        deal = await self.open_deal(amount, owner, shares)
        await self.win(deal, on)
        return deal

    async def edit(self, deal: str, **changes: object) -> Json:
        """Change a deal, open or closed."""
        path = f"/pipeline/v1/deals/{deal}"
        known = {"If-Match": (await self.http.get(path)).headers["etag"]}
        return await self.answered(await self.http.patch(path, json=changes, headers=known))

    # What they see -------------------------------------------------------------------------------

    async def settle(self) -> Mapping[str, int]:
        """Wait until everything has followed; return the heads of the feeds."""
        return await settled(self.stack)

    async def revenue(self, name: str, quarter: str = QUARTER) -> str:
        """Return the revenue of a member or unit, "0" where nothing was ever posted."""
        found = await self._attainment(name, quarter)
        return "0" if found is None else str(found["actual"])

    async def attainment(self, name: str, quarter: str = QUARTER) -> str | None:
        """Return revenue ÷ target, None without a target."""
        found = await self._attainment(name, quarter)
        return None if found is None else found["attainment"]

    async def won(self, name: str, quarter: str = QUARTER) -> int:
        """Return how many won deals a member or unit has."""
        found = await self._attainment(name, quarter)
        return 0 if found is None else int(found["deals"])

    async def incentive(self, name: str, quarter: str = QUARTER) -> str | None:
        """Return what a member earned, None without a statement; its sums must agree."""
        answer = await self.http.get(self._statement(name, quarter))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        statement = await self.answered(answer)
        for component in statement["components"]:
            assert component["posted"] == component["amount"], component
        (total,) = statement["totals"]
        return str(total["amount"])

    async def ledger(self, name: str, quarter: str = QUARTER) -> Sequence[str]:
        """Return the amounts that were posted for a member, in the order of posting."""
        page = await self.get(f"{self._statement(name, quarter)}/entries", limit=200)
        return [entry["amount"]["amount"] for entry in page["items"]]

    # How it is said ------------------------------------------------------------------------------

    def scope(self, name: str) -> str:
        """Return the id of a member or unit."""
        return self.units[name] if name in self.units else self.members[name]

    def terms(self, amount: str, owner: str = LI, shares: Mapping[str, str] | None = None) -> Json:
        """Return what is sent to open a deal."""
        parts = [
            {"member_id": self.members[name], "share": share}
            for name, share in (shares or {}).items()
        ]
        return {
            "name": "灯塔平台 · 东方机械",
            "owner_id": self.members[owner],
            "amount": money(amount),
            "shares": parts or None,
            "opened_on": SINCE,
        }

    async def get(self, path: str, **query: str | int) -> Json:
        """Return what a GET answers; it must not be refused."""
        return await self.answered(await self.http.get(path, params=query))

    async def post(self, path: str, body: object) -> Json:
        """Return what a POST answers; it must not be refused."""
        return await self.answered(await self.http.post(path, json=body))

    @staticmethod
    async def answered(answer: httpx.Response) -> Json:
        """Return the body of an answer that must not be a refusal."""
        assert answer.is_success, f"{answer.request.url}: {answer.text}"
        body: Json = answer.json()
        return body

    async def _attainment(self, name: str, quarter: str) -> Json | None:
        page = await self.get(
            "/targets/v1/attainments", scope_id=self.scope(name), period=quarter, metric="revenue"
        )
        found: list[Json] = page["items"]
        assert len(found) <= 1
        return found[0] if found else None

    async def _pay(self, name: str, component: Json, payees: Sequence[str], since: str) -> str:
        body = {"name": name, "valid_from": since, "currency": "CNY", "components": [component]}
        plan = await self.post("/performance/v1/plans", body)
        payee_ids = [self.members[payee] for payee in payees]
        await self.post(
            f"/performance/v1/plans/{plan['id']}/assignments",
            {"payee_ids": payee_ids, "valid_from": since, "valid_to": None},
        )
        return str(plan["id"])

    def _statement(self, name: str, quarter: str) -> str:
        return f"/performance/v1/statements/{self.members[name]}/{quarter}"

    def _membership(self, name: str, team: str, since: str) -> Json:
        leads = name in LEADERS
        return {"name": name, "unit_id": self.units[team], "leads": leads, "valid_from": since}


@asynccontextmanager
async def client(stack: Stack, *roles: str) -> AsyncIterator[httpx.AsyncClient]:
    """Lend an HTTP client of a stack, with a token of these roles, or with none."""
    headers = {}
    if roles:
        headers["Authorization"] = f"Bearer {stack.token(roles=roles, subject='tester')}"
    async with httpx.AsyncClient(
        base_url=stack.base_url, headers=headers, trust_env=False, timeout=30
    ) as http:
        yield http


@asynccontextmanager
async def founded(stack: Stack) -> AsyncIterator[World]:
    """Lend a world of its own in a running stack."""
    async with client(stack, "admin") as http:
        world = World(stack, http)
        await world.found()
        yield world


def money(amount: str, currency: str = "CNY") -> Json:
    """Return an amount as it is sent."""
    return {"amount": amount, "currency": currency}


def _component(measure: Json, table: Json, without_quota: Json | None) -> Json:
    return {
        "kind": "commission",
        "key": "commission",
        "measure": measure,
        "period": "quarter",
        "table": table,
        "without_quota": without_quota,
        "rounding": "half_up",
    }


def _table(mode: str, bounds: str, tiers: Sequence[tuple[str, str | None, str]]) -> Json:
    rows = [{"from": start, "to": end, "rate": rate} for start, end, rate in tiers]
    return {"mode": mode, "boundary": "from", "bounds": bounds, "tiers": rows}
