"""Posting an export through the public APIs; what is there already stays as it is."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from deploy.demo.client import Api, Json, segment
from deploy.demo.crm.cleaning import Deal, Load
from deploy.demo.crm.reading import Product
from shared.money import Money

SOURCE: Final = "maven-crm"
COMPANY: Final = "company"
BULK: Final = 100

Advance = Callable[[int], None]
"""Is told how many items have been posted since the last time."""


class Outcome(StrEnum):
    """What became of an item."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Posted:
    """The ids of what is there now, by the names of the export, and what became of the items."""

    units: dict[str, str] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Counter[Outcome]] = field(default_factory=dict)

    def note(self, noun: str, outcome: Outcome) -> None:
        """Count what became of an item."""
        self.outcomes.setdefault(noun, Counter())[outcome] += 1

    @property
    def changed(self) -> int:
        """Return how many items are not as they were."""
        return sum(found.total() - found[Outcome.UNCHANGED] for found in self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Shelf:
    """A noun whose items are put under names of their own, and the versions it had before."""

    api: Api
    noun: str
    versions: Mapping[str, int]
    note: Callable[[str, Outcome], None]

    @classmethod
    async def look(cls, api: Api, noun: str, path: str, posted: Posted) -> "Shelf":
        """Return the shelf with what stands on it now."""
        versions = {}
        async for item in api.items(path):
            name = _name_of(item)
            if name is not None:
                versions[name] = int(item["version"])
        return cls(api, noun, versions, posted.note)

    async def put(self, name: str, path: str, body: Json) -> str:
        """Put an item and return its id; what became of it is told by its version."""
        item = await self.api.put(path, body)
        self.note(self.noun, outcome(self.versions.get(name), int(item["version"])))
        return str(item["id"])


def outcome(before: int | None, version: int) -> Outcome:
    """Return what became of an item that had a version before, None for none."""
    if before is None:
        return Outcome.CREATED
    return Outcome.UNCHANGED if before == version else Outcome.UPDATED


def size(load: Load) -> int:
    """Return how many items a load posts."""
    units = 1 + len(load.regions) + len(load.managers)
    members = len(load.managers.keys() | {agent.name for agent in load.agents})
    return units + members + len(load.products) + len(load.accounts) + len(load.deals)


async def post(api: Api, load: Load, advance: Advance) -> Posted:
    """Post organisation, products, accounts and deals; raises DemoFailed for a refusal."""
    posted = Posted()
    await _post_units(api, load, posted, advance)
    await _post_members(api, load, posted, advance)
    await _post_products(api, load, posted, advance)
    await _post_accounts(api, load, posted, advance)
    for start in range(0, len(load.deals), BULK):
        deals = load.deals[start : start + BULK]
        await _post_deals(api, posted, deals)
        advance(len(deals))
    return posted


def team_of(manager: str) -> str:
    """Return the name of a manager's team among the units."""
    return f"team: {manager}"


def region_of(region: str) -> str:
    """Return the name of a region among the units."""
    return f"region: {region}"


async def _post_units(api: Api, load: Load, posted: Posted, advance: Advance) -> None:
    shelf = await Shelf.look(api, "units", "/targets/v1/units", posted)
    places: list[tuple[str, str, str, str | None]] = [(COMPANY, "Company", "company", None)]
    places += [(region_of(name), name, "region", COMPANY) for name in load.regions]
    places += [
        (team_of(manager), f"{manager}'s team", "team", region_of(region))
        for manager, region in load.managers.items()
    ]
    for key, name, kind, parent in places:
        body = {
            "name": name,
            "kind": kind,
            "parent_id": None if parent is None else posted.units[parent],
            "valid_from": load.since.isoformat(),
        }
        posted.units[key] = await shelf.put(key, _by_external("/targets/v1/units", key), body)
        advance(1)


async def _post_members(api: Api, load: Load, posted: Posted, advance: Advance) -> None:
    """Post managers as members who lead their team, agents as members of it."""
    shelf = await Shelf.look(api, "members", "/targets/v1/members", posted)
    teams = {agent.name: agent.manager for agent in load.agents}
    teams |= {manager: manager for manager in load.managers}
    for name, manager in teams.items():
        body = {
            "name": name,
            "unit_id": posted.units[team_of(manager)],
            "leads": name in load.managers,
            "valid_from": load.since.isoformat(),
        }
        path = _by_external("/targets/v1/members", name)
        posted.members[name] = await shelf.put(name, path, body)
        advance(1)


async def _post_products(api: Api, load: Load, posted: Posted, advance: Advance) -> None:
    shelf = await Shelf.look(api, "products", "/pipeline/v1/products", posted)
    for product in load.products:
        path = f"/pipeline/v1/products/{segment(product.name)}"
        body = _product(product, load.currency)
        posted.products[product.name] = await shelf.put(product.name, path, body)
        advance(1)


async def _post_accounts(api: Api, load: Load, posted: Posted, advance: Advance) -> None:
    shelf = await Shelf.look(api, "accounts", "/pipeline/v1/accounts", posted)
    for name in load.accounts:
        path = _by_external("/pipeline/v1/accounts", name)
        posted.accounts[name] = await shelf.put(name, path, {"name": name})
        advance(1)


async def _post_deals(api: Api, posted: Posted, deals: Sequence[Deal]) -> None:
    body = {"origin": "import", "deals": [_deal(deal, posted) for deal in deals]}
    answer = await api.post("/pipeline/v1/deals/bulk", body)
    for deal in answer["deals"]:
        posted.note("deals", Outcome(deal["outcome"]))


def _product(product: Product, currency: str) -> Json:
    price = wire(Money(product.price, currency))
    return {"name": product.name, "line": product.line, "list_price": price}


def _deal(deal: Deal, posted: Posted) -> Json:
    line = {
        "product_id": posted.products[deal.product],
        "quantity": "1",
        "amount": wire(deal.amount),
    }
    return {
        "external": {"source": SOURCE, "id": deal.id},
        "name": deal.name,
        "owner_id": posted.members[deal.agent],
        "account_id": None if deal.account is None else posted.accounts[deal.account],
        "lines": [line],
        "opened_on": deal.opened_on.isoformat(),
        "stage": deal.stage.value,
        "closed_on": None if deal.closed_on is None else deal.closed_on.isoformat(),
    }


def wire(money: Money) -> Json:
    """Return an amount as the wire carries it."""
    return {"amount": money.text, "currency": money.currency}


def _by_external(path: str, name: str) -> str:
    return f"{path}/by-external/{SOURCE}/{segment(name)}"


def _name_of(item: Json) -> str | None:
    """Return the name under which an item was put, None for one that is not of this source."""
    if "code" in item:
        return str(item["code"])
    external = item["external"]
    if external is None or external["source"] != SOURCE:
        return None
    return str(external["id"])
