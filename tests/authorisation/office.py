"""The company at work: all four services on one database, and somebody's rows of every kind."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx

from deploy.serving import load
from shared.db import Connection, Database
from shared.directory import queries as directory
from shared.directory import upkeep
from shared.events.snapshot import START
from shared.http.service import create_app
from shared.runtime import Role
from tests.authorisation.company import MEMBERS, UNITS
from tests.service.conftest import Installation
from tests.service.performance_world import World, deal, plan

Json: TypeAlias = dict[str, Any]

SERVICES: Final = ("pipeline", "targets", "performance", "knowledge")
QUARTER: Final = "2017-Q2"


@dataclass(frozen=True)
class Owners:
    """Whose a row is, by name; a row of no one is for those only who see everything."""

    members: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()


@dataclass
class Office:
    """The services, everybody's ids, and every row with whom it belongs to, by noun."""

    installation: Installation
    clients: Mapping[str, httpx.AsyncClient]
    databases: Mapping[str, Database]
    ids: dict[str, UUID] = field(default_factory=dict)
    rows: dict[str, dict[str, Owners]] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    async def ask(
        self, service: str, who: str, role: str, method: str, path: str, **more: Any
    ) -> httpx.Response:
        """Send a request in the name of somebody, in a role."""
        headers = {"Authorization": f"Bearer {self.token(who, role)}", **more.pop("headers", {})}
        return await self.clients[service].request(method, path, headers=headers, **more)

    def token(self, who: str, role: str) -> str:
        if (who, role) not in self.tokens:
            issuer = self.installation.servers.issuer
            self.tokens[who, role] = issuer.token(self.ids.get(who, who), role.split("+"))
        return self.tokens[who, role]

    async def made(self, service: str, method: str, path: str, body: Json) -> Json:
        """Do something in the name of an admin who is no member."""
        answer = await self.ask(service, "管理员", "admin", method, path, json=body)
        assert answer.is_success, answer.text
        found: Json = answer.json()
        return found

    def of(self, noun: str, key: object, members: str = "", units: str = "") -> None:
        """Remember whose a row is."""
        owners = Owners(frozenset(members.split()), frozenset(units.split()))
        self.rows.setdefault(noun, {})[str(key)] = owners


@asynccontextmanager
async def opened(installation: Installation) -> AsyncIterator[Office]:
    """Open the services, and let everybody have something."""
    async with AsyncExitStack() as stack:
        clients, databases = {}, {}
        for service in SERVICES:
            settings = installation.settings(service, rate_limit=0)
            app = create_app(load(service), settings, Role.API)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://service")
            clients[service] = await stack.enter_async_context(client)
            databases[service] = app.state.runtime.database
        office = Office(installation, clients, databases)
        await _found(office)
        await _sell(office)
        await _aim(office)
        await _pay(office)
        yield office


async def _found(office: Office) -> None:
    for name, parent in UNITS.items():
        body: Json = {
            "name": name,
            "kind": "unit",
            "parent_id": None if parent is None else str(office.ids[parent]),
            "valid_from": "2020-01-01",
        }
        made = await office.made("targets", "POST", "/v1/units", body)
        office.ids[name] = UUID(made["id"])
    for name, posts in MEMBERS.items():
        for post in posts or (None,):
            body = {
                "name": name,
                "unit_id": str(office.ids[post.unit]) if post and post.unit else None,
                "leads": post.leads if post else False,
                "valid_from": post.since.isoformat() if post else "2020-01-01",
            }
            path = f"/v1/members/by-external/hr/{name}"
            made = await office.made("targets", "PUT", path, body)
            office.ids[name] = UUID(made["id"])
    async with office.databases["targets"].acquire() as conn:
        facts = await directory.snapshot(conn, START, 500)
    for service in ("pipeline", "performance", "knowledge"):

        async def hear(conn: Connection) -> None:
            await upkeep.apply(conn, facts)

        await office.databases[service].transact(hear)


async def _sell(office: Office) -> None:
    """Give everybody an account, a deal on no account, and two a deal that they share."""
    for name in MEMBERS:
        body = {"name": f"{name}的客户", "owner_id": str(office.ids[name])}
        path = f"/v1/accounts/by-external/crm/{name}"
        account = await office.made("pipeline", "PUT", path, body)
        office.of("accounts", account["id"], name)
        record = _record(office, name)
        made = await office.made("pipeline", "POST", "/v1/deals/bulk", {"deals": [record]})
        office.of("deals", made["deals"][0]["id"], name)
    account = await office.made("pipeline", "POST", "/v1/accounts", {"name": "无主客户"})
    office.of("accounts", account["id"])
    account = await office.made("pipeline", "POST", "/v1/accounts", {"name": "共同客户"})
    office.of("accounts", account["id"], "钱销售 周销售")
    shares = [
        {"member_id": str(office.ids[name]), "share": share}
        for name, share in (("钱销售", "0.7"), ("周销售", "0.3"))
    ]
    record = _record(office, "钱销售", "共享") | {"account_id": account["id"], "shares": shares}
    made = await office.made("pipeline", "POST", "/v1/deals/bulk", {"deals": [record]})
    office.of("deals", made["deals"][0]["id"], "钱销售 周销售")


def _record(office: Office, name: str, more: str = "") -> Json:
    return {
        "external": {"source": "crm", "id": f"{name}{more}"},
        "name": f"{name}的商机{more}",
        "owner_id": str(office.ids[name]),
        "amount": {"amount": "1000.00", "currency": "CNY"},
        "opened_on": "2026-01-05",
    }


async def _aim(office: Office) -> None:
    """Give every member and every unit a target, and with it an attainment."""
    for name in (*MEMBERS, *UNITS):
        is_unit = name in UNITS
        body = {
            "scope": "unit" if is_unit else "member",
            "scope_id": str(office.ids[name]),
            "metric": "revenue",
            "period": "2026-Q4",
            "value": "1000.00",
            "currency": "CNY",
        }
        made = await office.made("targets", "PUT", "/v1/targets", body)
        whose = {"units": name} if is_unit else {"members": name}
        office.of("targets", made["id"], **whose)
        office.of("attainments", made["attainment_id"], **whose)


async def _pay(office: Office) -> None:
    """Give everybody a plan, a credit and a statement, and two a plan together."""
    http = office.clients["performance"]
    http.headers["Authorization"] = f"Bearer {office.token('管理员', 'admin')}"
    world = World(office.databases["performance"], http)
    for name in MEMBERS:
        path = f"/v1/plans/by-external/hr/{name}"
        made = await office.made("performance", "PUT", path, plan(name=f"{name}的方案"))
        assert (await world.assign(made["id"], office.ids[name])).is_success
        office.of("plans", made["id"], name)
        await world.tell(deal({office.ids[name]: "1000"}))
        office.of("payees", office.ids[name], name)
    both = await world.make(payees=[office.ids["周销售"], office.ids["钱销售"]], name="两人的方案")
    office.of("plans", both["id"], "周销售 钱销售")
    await world.settle()
    del http.headers["Authorization"]
