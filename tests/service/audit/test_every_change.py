"""Every route that changes something writes one row of audit for each change, and none without."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from fastapi.routing import APIRoute

from deploy.audit.arithmetic import pending_digest
from deploy.installation import SERVICES
from deploy.local.http_server import HttpServer
from deploy.serving import load
from shared import failpoints
from shared.http.service import Service, create_app
from shared.ids import new_id
from shared.runtime import Role
from tests.service.audit.examples import EXAMPLES, FILES, Example, Site, deal, demanded
from tests.service.audit.trail import seal
from tests.service.conftest import Installation

Row = dict[str, Any]
CASES = [(service, route) for service, routes in EXAMPLES.items() for route in routes]
REASON = "客户更正了合同金额 (100%)"


def changing(service: Service) -> set[str]:
    """Return the routes of a service that change something, those of the chassis among them."""
    return {
        f"{method} {route.path}"
        for router in (*service.routers, *service.chassis)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in (route.methods or set()) - {"GET", "HEAD"}
    } - FILES


def untold(services: Sequence[Service], told: Mapping[str, Mapping[str, object]]) -> set[str]:
    """Return the routes that change something and have no example here."""
    chassis = {
        f"{method} {route.path}"
        for router in services[0].chassis
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    of_chassis = {route for routes in told.values() for route in routes if route in chassis}
    return {
        f"{service.name}: {route}"
        for service in services
        for route in changing(service) - told[service.name].keys() - of_chassis
    }


@asynccontextmanager
async def at(installation: Installation, service: str) -> AsyncIterator[Site]:
    """Serve a service, and beside it the pipeline, whose feed it may ask."""
    http = HttpServer()
    pipeline = create_app(load("pipeline"), installation.settings("pipeline"), Role.API)
    token = installation.servers.issuer.token("王芳", ("sales_ops", "admin"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pipeline.router.lifespan_context(pipeline))
        stack.push_async_callback(http.stop)
        await http.start(pipeline)
        settings = installation.settings(service, feeds={"pipeline": http.base_url} | FEEDS)
        app = create_app(load(service), settings, Role.API)
        async with (
            app.router.lifespan_context(app),
            installation.open(service) as database,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://service",
                headers={"Authorization": f"Bearer {token}"},
            ) as api,
        ):
            yield Site(service, api, database, installation)


FEEDS = {"targets": "http://127.0.0.1:9"}


async def noted(site: Site) -> list[Row]:
    """Return what waits to be sealed; each row must be one that the verifier will believe."""
    async with site.database.acquire() as conn:
        found = await conn.fetch("SELECT content, digest FROM audit_pending ORDER BY id")
    for row in found:
        assert pending_digest(row["content"]) == row["digest"]
    return [orjson.loads(row["content"]) for row in found]


async def send(
    site: Site, route: str, example: Example, *, body: object = None, **headers: str
) -> httpx.Response:
    method = route.partition(" ")[0]
    sent = {**demanded(), **{name.replace("_", "-"): value for name, value in headers.items()}}
    if example.version is not None:
        sent["If-Match"] = "*" if example.version == "*" else f'"{example.version}"'
    payload = example.body if body is None else body
    return await site.api.request(method, f"/v1/{example.path}", json=payload, headers=sent)


def test_every_route_that_changes_something_has_an_example() -> None:
    services = [import_module(f"services.{name}.service").SERVICE for name in SERVICES]
    assert untold(services, EXAMPLES) == set()


def test_a_route_without_an_example_is_found() -> None:
    services = [import_module(f"services.{name}.service").SERVICE for name in SERVICES]
    fewer = {name: dict(routes) for name, routes in EXAMPLES.items()}
    del fewer["pipeline"]["POST /v1/deals"]
    del fewer["knowledge"]["POST /v1/consumers/{consumer}/{source}/{partition}/resume"]
    found = untold(services, fewer)
    assert "pipeline: POST /v1/deals" in found
    assert len(found) == 1 + len(services)


@pytest.mark.parametrize(("service", "route"), CASES)
async def test_a_change_writes_one_row_that_says_who_what_why_and_by_which_request(
    installation: Installation, service: str, route: str
) -> None:
    async with at(installation, service) as site:
        example = await EXAMPLES[service][route](site)
        before = await noted(site)
        answer = await send(site, route, example, Change_Reason=quote(REASON))
        assert answer.is_success, answer.text
        rows = (await noted(site))[len(before) :]
        (row,) = rows
        assert (row["noun"], row["action"]) == (example.noun, example.action)
        assert (row["before"] is None) is example.made
        assert (row["after"] is None) is example.gone
        assert row["after"] != row["before"]
        assert (row["actor"], row["client"]) == ("王芳", "pharos-runner")
        assert row["roles"] == ["admin", "sales_ops"]
        assert f"{row['method']} {row['route']}" == route
        assert row["trace_id"] == answer.headers["x-request-id"]
        assert row["reason"] == REASON
        assert row["origin"] == example.body.get("origin", "live")


@pytest.mark.parametrize(("service", "route"), CASES)
async def test_what_changes_nothing_writes_no_row(
    installation: Installation, service: str, route: str
) -> None:
    async with at(installation, service) as site:
        example = await EXAMPLES[service][route](site)
        key = {"Idempotency_Key": str(new_id())}
        begun = len(await noted(site))
        if example.refused is not None:
            refused = await send(site, route, example, body=example.refused)
            assert 400 <= refused.status_code < 500, refused.text
        malformed = await send(site, route, example, Change_Reason="%E6%9B")
        assert malformed.status_code == 422
        assert len(await noted(site)) == begun
        first = await send(site, route, example, **key)
        assert first.is_success, first.text
        again = await send(site, route, example, **key)
        assert again.headers["idempotency-replayed"] == "true"
        assert len(await noted(site)) == begun + 1
        other = await send(site, route, example)
        assert other.is_success is (example.again != "refused"), other.text
        assert len(await noted(site)) == begun + (2 if example.again == "more" else 1)


@pytest.mark.parametrize(("service", "route"), CASES)
async def test_what_is_rolled_back_leaves_no_row(
    installation: Installation, service: str, route: str
) -> None:
    async def fail() -> None:
        raise RuntimeError("在提交之前失败")

    async with at(installation, service) as site:
        example = await EXAMPLES[service][route](site)
        begun = len(await noted(site))
        with failpoints.armed("request.done@1", fail):
            assert (await send(site, route, example)).status_code == 500
        assert len(await noted(site)) == begun


async def test_many_changes_of_one_request_are_as_many_rows(installation: Installation) -> None:
    async with at(installation, "pipeline") as site:
        records = [
            deal(external={"source": "crm", "id": f"{n}"}, stage="open", closed_on=None)
            for n in range(5)
        ]
        for count in (3, 5):  # the first three are the same by then
            await site.sent("POST", "deals/bulk", {"deals": records[:count]})
            assert len(await noted(site)) == count
        rows = await noted(site)
        assert len({row["subject"] for row in rows}) == 5


async def test_no_name_of_a_member_is_kept(installation: Installation) -> None:
    async with at(installation, "targets") as site:
        for route in ("POST /v1/members", "PUT /v1/members/{member_id}"):
            example = await EXAMPLES["targets"][route](site)
            assert (await send(site, route, example)).is_success
        rows = await noted(site)
        assert {row["noun"] for row in rows} == {"unit", "member"}
        states = [(row["before"], row["after"]) for row in rows if row["noun"] == "member"]
        assert "王芳" not in str(states)


async def test_no_secret_is_kept_but_where_it_signs(installation: Installation) -> None:
    async with at(installation, "pipeline") as site:
        for route, prepared in EXAMPLES["pipeline"].items():
            if "/webhooks" in route:
                await seal(site.database)  # the last of them is left to be sealed
                example = await prepared(site)
                answer = await send(site, route, example, Idempotency_Key=str(new_id()))
                assert answer.is_success, answer.text
        async with site.database.acquire() as conn:
            signing = await conn.fetch(
                "SELECT secret FROM webhook UNION SELECT former_secret FROM webhook"
            )
            kept = await conn.fetch(
                "SELECT content::text FROM audit_pending"
                " UNION ALL SELECT to_json(a)::text FROM audit_row AS a"
                " UNION ALL SELECT convert_from(body, 'UTF8') FROM idempotency"
                " UNION ALL SELECT to_json(o)::text FROM outbox AS o"
            )
        text = "\n".join(row[0] for row in kept)
        secrets = [row[0] for row in signing if row[0] is not None]
        assert "webhook_delivery" in text
        assert "whsec_" not in text
        for secret in secrets:
            for form in (base64.b64encode(secret).decode(), secret.hex()):
                assert form not in text
        trail = "\n".join(row[0] for row in kept if '"noun"' in row[0])
        assert "https://erp.example.com/in?…" in trail
        assert "k3y-0f-theirs" not in trail


async def test_changes_at_once_write_a_row_each(installation: Installation) -> None:
    async with at(installation, "pipeline") as site:
        answers = await asyncio.gather(
            *(
                site.sent("PUT", "accounts/by-external/erp/1", {"name": f"灯塔{n}"})
                for n in range(9)
            )
        )
        rows = await noted(site)
        assert sorted(row["version"] for row in rows) == list(range(1, 10))
        assert {row["subject"] for row in rows} == {answer["id"] for answer in answers}
        by_version = sorted(rows, key=lambda row: int(row["version"]))
        for earlier, later in pairwise(by_version):
            assert later["before"] == earlier["after"]
