"""The company of the bench: thirty sellers in six teams, two regions, targets, plans and deals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson

from tests.performance.figures import BenchFailed
from tests.performance.http_load import drive, post

YEAR = 2025
QUARTERS = tuple(f"{YEAR}-Q{quarter}" for quarter in (1, 2, 3, 4))
SINCE = f"{YEAR}-01-01"
TEAMS, SELLERS = 6, 30
BULK = 100


@dataclass(frozen=True, slots=True)
class Company:
    """Who is there: every seller with a team, every team with a manager."""

    teams: Sequence[UUID]
    managers: Sequence[UUID]
    sellers: Sequence[UUID]
    units: Sequence[UUID]
    product: UUID

    def team_of(self, seller: int) -> int:
        """Return the place of a seller's team."""
        return seller % len(self.teams)


class Setup:
    """Sets a company up through the public API of an installation."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }

    async def company(self) -> Company:
        """Make units, members, targets and a product; return who is there."""
        async with self._client() as client:
            whole = await _unit(client, "whole", "公司", "company", None)
            regions = [await _unit(client, f"r{n}", f"大区 {n}", "region", whole) for n in (0, 1)]
            teams = [
                await _unit(client, f"t{n}", f"团队 {n}", "team", regions[n % 2])
                for n in range(TEAMS)
            ]
            managers = [
                await _member(client, f"m{n}", f"经理 {n}", team, leads=True)
                for n, team in enumerate(teams)
            ]
            sellers = [
                await _member(client, f"s{n}", f"销售 {n}", teams[n % TEAMS], leads=False)
                for n in range(SELLERS)
            ]
            price = {"amount": "1000.00", "currency": "CNY"}
            product = await _put(
                client, "/pipeline/v1/products/GTX", {"name": "GTX 专业版", "list_price": price}
            )
            units = [whole, *regions, *teams]
            made = Company(teams, managers, sellers, units, UUID(product["id"]))
            await _set_targets(client, made)
        return made

    async def plans(self, company: Company) -> None:
        """Pay every seller by own credits, and every manager by the team's attainment."""
        async with self._client() as client:
            own = {"kind": "own_credits", "metric": "revenue"}
            await _pay(client, "销售提成", _component("own", own), company.sellers)
            for team, manager in zip(company.teams, company.managers, strict=True):
                of_team = {"kind": "unit_attainment", "unit_id": str(team), "metric": "revenue"}
                await _pay(client, f"团队提成 {team}", _component("team", of_team), [manager])

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._base_url, headers=self._headers, timeout=30, trust_env=False
        )


async def _put(client: httpx.AsyncClient, path: str, body: object) -> dict[str, Any]:
    return _told(await client.put(path, content=orjson.dumps(body)))


def _told(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise BenchFailed(f"{answer.url}: {answer.text[:500]}")
    document: dict[str, Any] = answer.json()
    return document


async def _unit(
    client: httpx.AsyncClient, key: str, name: str, kind: str, parent: UUID | None
) -> UUID:
    body = {"name": name, "kind": kind, "parent_id": parent, "valid_from": SINCE}
    return UUID((await _put(client, f"/targets/v1/units/by-external/bench/{key}", body))["id"])


async def _member(
    client: httpx.AsyncClient, key: str, name: str, unit: UUID, *, leads: bool
) -> UUID:
    body = {"name": name, "unit_id": unit, "leads": leads, "valid_from": SINCE}
    return UUID((await _put(client, f"/targets/v1/members/by-external/bench/{key}", body))["id"])


async def _set_targets(client: httpx.AsyncClient, company: Company) -> None:
    scopes = [("member", seller) for seller in company.sellers]
    scopes += [("unit", unit) for unit in company.units]
    targets = [
        {
            "scope": scope,
            "scope_id": scope_id,
            "metric": "revenue",
            "period": quarter,
            "value": "250000.00",
            "currency": "CNY",
        }
        for scope, scope_id in scopes
        for quarter in QUARTERS
    ]
    for start in range(0, len(targets), BULK):
        body = orjson.dumps({"targets": targets[start : start + BULK]})
        _told(await client.post("/targets/v1/targets/bulk", content=body))


def _component(key: str, measure: dict[str, str]) -> dict[str, object]:
    tiers = [
        {"from": "0", "to": "1", "rate": "0.05"},
        {"from": "1", "to": None, "rate": "0.08"},
    ]
    table = {"mode": "marginal", "boundary": "from", "bounds": "share_of_quota", "tiers": tiers}
    return {
        "kind": "commission",
        "key": key,
        "measure": measure,
        "period": "quarter",
        "table": table,
        "without_quota": None,
        "rounding": "half_up",
    }


async def _pay(
    client: httpx.AsyncClient, name: str, component: dict[str, object], payees: Sequence[UUID]
) -> None:
    body = {"name": name, "valid_from": SINCE, "currency": "CNY", "components": [component]}
    plan = _told(await client.post("/performance/v1/plans", content=orjson.dumps(body)))
    assigned = {"payee_ids": payees, "valid_from": SINCE, "valid_to": None}
    path = f"/performance/v1/plans/{plan['id']}/assignments"
    _told(await client.post(path, content=orjson.dumps(assigned)))


def closing_day(place: int, count: int) -> str:
    """Return the day on which that deal of so many is won: they close in order, over a year."""
    month, day = divmod(place * 12 * 28 // count, 28)
    return f"{YEAR}-{month + 1:02}-{day + 1:02}"


def record(company: Company, series: str, place: int, won_on: str | None) -> dict[str, object]:
    """Return a deal as the bulk route takes it, of the seller whose turn it is."""
    amount = {"amount": f"{1000 + place % 997}.00", "currency": "CNY"}
    line = {"product_id": company.product, "quantity": "1", "amount": amount}
    return {
        "external": {"source": "bench", "id": f"{series}-{place}"},
        "name": f"商机 {series} {place}",
        "owner_id": company.sellers[place % len(company.sellers)],
        "lines": [line],
        "opened_on": SINCE,
        "stage": "won" if won_on else "open",
        "closed_on": won_on,
    }


async def load_deals(
    port: int,
    token: str,
    company: Company,
    series: str,
    count: int,
    *,
    won: bool,
    prefix: str = "",
) -> list[UUID]:
    """Load so many deals over the bulk route; return their ids in the order of their places."""
    records = [
        record(company, series, place, closing_day(place, count) if won else None)
        for place in range(count)
    ]
    requests = [
        post(
            f"{prefix}/v1/deals/bulk", orjson.dumps({"deals": records[start : start + BULK]}), token
        )
        for start in range(0, count, BULK)
    ]
    found: dict[str, UUID] = {}

    def note(body: bytes) -> None:
        for deal in orjson.loads(body)["deals"]:
            found[deal["external"]["id"]] = UUID(deal["id"])

    load = await drive(port, iter(requests), 4, heard=note)
    if load.requests < len(requests):
        raise BenchFailed(f"Only {load.requests} of {len(requests)} bulks in {load.seconds:.0f} s.")
    return [found[f"{series}-{place}"] for place in range(count)]
