"""Overload: so many requests are worked on, so many wait, all others are sent away at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from fastapi import Request
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import StreamingResponse

from deploy.local.http_server import HttpServer
from shared.http.routes import needs, routes
from tests.hostile.raw import connected, request
from tests.hostile.serving import client, served
from tests.service.conftest import Installation

BOTH_WAYS = pytest.mark.parametrize("gated", [True, False])
FEW = {"slots": 2, "queue_limit": 3, "queue_ms": 10_000}
ORIGIN = "https://crm.example.com"


class Held:
    """A route that answers when the test lets it."""

    def __init__(self) -> None:
        self.router = routes("held")
        self.open = asyncio.Event()
        self._inside = asyncio.Semaphore(0)
        self.router.get("/held", openapi_extra=needs("deals:read"))(self._held)
        self.router.get("/streamed", openapi_extra=needs("deals:read"))(self._streamed)

    async def entered(self, requests: int) -> None:
        """Wait until so many requests are worked on."""
        for _ in range(requests):
            await self._inside.acquire()

    async def _held(self) -> dict[str, str]:
        self._inside.release()
        await self.open.wait()
        return {"name": "灯塔"}

    async def _streamed(self, _: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a"
            await self.open.wait()

        return StreamingResponse(parts())


@asynccontextmanager
async def overloaded(
    installation: Installation, *, gated: bool = True, **settings: object
) -> AsyncIterator[tuple[HttpServer, httpx.AsyncClient, list["asyncio.Task[httpx.Response]"]]]:
    """Serve with all slots and the whole queue taken; yield server, client and those requests."""
    held = Held()
    async with (
        served(installation, {**FEW, **settings}, routers=[held.router], gated=gated) as server,
        client(installation, server) as api,
    ):
        waiting = [asyncio.create_task(api.get("/pipeline/v1/held")) for _ in range(5)]
        async with asyncio.timeout(10):
            await held.entered(2)
            await _come(server, 5)
        try:
            yield server, api, waiting
        finally:
            held.open.set()
            await asyncio.gather(*waiting)


async def _come(server: HttpServer, requests: int) -> None:
    """Wait until so many requests are under way, and have had their turn to run."""
    assert server._server is not None
    for _ in range(1_000):
        if len(server._server.server_state.tasks) >= requests:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


@BOTH_WAYS
async def test_above_the_queue_all_are_sent_away_at_once_with_a_problem(
    installation: Installation, *, gated: bool
) -> None:
    async with overloaded(installation, gated=gated) as (_, api, _):
        answers = await asyncio.gather(*(api.get("/pipeline/v1/deals") for _ in range(50)))
        for answer in answers:
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["code"] == "overloaded"
            assert answer.json()["trace_id"] == answer.headers["x-request-id"]
            assert answer.json()["retryable"]


async def test_those_in_the_queue_are_served_in_their_turn(installation: Installation) -> None:
    async with overloaded(installation) as (_, _, waiting):
        pass
    assert [task.result().status_code for task in waiting] == [200] * 5


async def test_who_waits_for_too_long_is_sent_away(installation: Installation) -> None:
    async with overloaded(installation, queue_ms=300) as (_, _, waiting):
        await asyncio.sleep(1)
    assert sorted(task.result().status_code for task in waiting) == [200, 200, 503, 503, 503]


@BOTH_WAYS
async def test_a_request_is_sent_away_before_its_token_is_verified_and_its_body_read(
    installation: Installation, *, gated: bool
) -> None:
    async with (
        overloaded(installation, gated=gated) as (server, _, _),
        connected(server.port) as raw,
    ):
        await raw.say(
            request(
                "/pipeline/v1/deals",
                "Authorization: Bearer nonsense",
                "Content-Length: 1000",
                "Accept-Language: zh",
                method="POST",
            )
        )
        answer = await raw.hear()
        assert (answer.status, answer.problem["code"]) == (503, "overloaded")
        assert "当前请求过多" in answer.problem["detail"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_health_and_figures_are_never_sent_away(
    installation: Installation, path: str
) -> None:
    async with overloaded(installation) as (_, api, _):
        assert (await api.get(f"/pipeline{path}")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/events?after=0", "/v1/snapshots/deals", "/v1/snapshots/accounts"]
)
async def test_our_own_services_are_never_sent_away(installation: Installation, path: str) -> None:
    async with (
        overloaded(installation) as (server, api, _),
        client(installation, server, ("service",), "pharos-targets") as own,
    ):
        assert (await own.get(f"/pipeline{path}")).status_code in {200, 404}
        assert (await api.get(f"/pipeline{path}")).status_code == 503


async def test_a_long_poll_holds_no_place(installation: Installation) -> None:
    async with (
        served(installation, FEW) as server,
        client(installation, server, ("auditor",)) as api,
    ):
        url = "/pipeline/v1/events?after=0&wait=2"
        polls = [asyncio.create_task(api.get(url)) for _ in range(5)]
        await asyncio.sleep(1)
        assert (await api.get("/pipeline/v1/deals")).status_code == 200
        assert not any(poll.done() for poll in polls)
        assert {(await poll).status_code for poll in polls} == {200}


async def test_a_stream_holds_no_place(installation: Installation) -> None:
    held = Held()
    async with (
        served(installation, FEW, routers=[held.router]) as server,
        client(installation, server) as api,
    ):
        streams = [asyncio.create_task(api.get("/pipeline/v1/streamed")) for _ in range(5)]
        await asyncio.sleep(0.5)
        assert (await api.get("/pipeline/v1/deals")).status_code == 200
        held.open.set()
        await asyncio.gather(*streams)


async def test_a_body_that_is_still_on_its_way_holds_no_place(installation: Installation) -> None:
    async with (
        served(installation, FEW) as server,
        client(installation, server) as api,
        AsyncExitStack() as slow,
    ):
        head = request(
            "/pipeline/v1/accounts",
            f"Authorization: {api.headers['authorization']}",
            "Content-Type: application/json",
            "Content-Length: 18",
            method="POST",
        )
        connections = [await slow.enter_async_context(connected(server.port)) for _ in range(10)]
        for number, raw in enumerate(connections):
            await raw.say(head, b'{"name":')
            await _come(server, number + 1)
        assert (await api.get("/pipeline/v1/deals")).status_code == 200
        for raw in connections[:2]:
            await raw.say('"灯塔" }'.encode()[:10])
            assert (await raw.hear()).status == 201


async def test_what_is_shed_is_counted(installation: Installation) -> None:
    async with overloaded(installation) as (_, api, _):
        await api.get("/pipeline/v1/deals")
        text = (await api.get("/pipeline/metrics")).text
    values = {
        (sample.name, sample.labels.get("why")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["pharos_pipeline_http_shed_total", "queue_full"] == 1
    assert values["pharos_process_connections", None] >= 5


async def test_a_browser_may_read_why_it_was_sent_away(installation: Installation) -> None:
    async with overloaded(installation, cors_origins=[ORIGIN]) as (_, api, _):
        answer = await api.get("/pipeline/v1/deals", headers={"Origin": ORIGIN})
        assert answer.status_code == 503
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
