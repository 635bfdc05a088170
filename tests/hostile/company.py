"""A company to throw things at: something of everything, and the ids of it."""

from collections.abc import Mapping
from typing import Final

import httpx
import orjson

from deploy.installation import SERVICES
from tests.flow.world import LI, WANG, World
from tests.hostile.documents import Maker, Route, routes_of

# What a field calls something that a list calls otherwise.
ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "member_id": ("owner_id", "payee_id", "scope_id"),
}


async def lived_in(world: World) -> None:
    """Let a little happen, so that no list is empty."""
    await world.set_target(LI, "100000")
    await world.pay_sellers()
    await world.post("/pipeline/v1/accounts", {"name": "东方机械"})
    await world.answered(await world.http.put("/pipeline/v1/products/P-1", json={"name": "灯塔"}))
    await world.won_deal("150000", LI, {LI: "0.6", WANG: "0.4"})
    await world.open_deal("1200.00", WANG)
    await world.settle()


async def documents(http: httpx.AsyncClient) -> dict[str, list[Route]]:
    """Return the routes of every service, from its document."""
    found = {}
    for service in SERVICES:
        answer = await http.get(f"/{service}/v1/openapi.json")
        found[service] = [
            route
            for route in routes_of(service, answer.raise_for_status().json())
            if not route.template.startswith("/health")
        ]
    return found


async def known_ids(http: httpx.AsyncClient, routes: Mapping[str, list[Route]]) -> dict[str, str]:
    """Return an id of everything that a list shows, by the name of the field that would hold it."""
    known: dict[str, str] = {}
    for every in routes.values():
        for route in every:
            if route.method != "GET" or "{" in route.template:
                continue
            maker = Maker(known)
            body = await _read(http, f"/{route.service}{route.template}", maker, route)
            items = body.get("items") if isinstance(body, dict) else None
            if items and isinstance(items[0], dict) and "id" in items[0]:
                name = f"{route.template.rpartition('/')[2].removesuffix('s')}_id"
                for field in (name, *ALSO.get(name, ())):
                    known.setdefault(field, items[0]["id"])
    return known


async def _read(http: httpx.AsyncClient, path: str, maker: Maker, route: Route) -> object:
    """Return what a route answers, None where that is no JSON: a stream has no end."""
    async with http.stream("GET", path, params=maker.arguments(route, "query")) as answer:
        if answer.is_success and answer.headers["content-type"] == "application/json":
            found: object = orjson.loads(await answer.aread())
            return found
    return None
