"""Rates and CORS: what one caller may ask, and whose pages may."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from fastapi import APIRouter
from pydantic import ValidationError

from shared.http.routes import PUBLIC, needs, routes
from tests.hostile.serving import client, served
from tests.service.conftest import Installation

DEALS = "/pipeline/v1/deals"
ORIGIN = "https://crm.example.com"
ASKED = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH"}


async def test_a_caller_is_told_what_is_left_and_then_to_wait(installation: Installation) -> None:
    async with (
        served(installation, {"rate_limit": 3, "rate_window_seconds": 3600}) as server,
        client(installation, server) as api,
    ):
        answers = [await api.get(DEALS) for _ in range(4)]
        standings = [answer.headers["ratelimit"] for answer in answers]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert standings[0] == '"requests";r=2;t=1200'
        assert standings[2:] == ['"requests";r=0;t=3600'] * 2
        refused = answers[-1]
        assert refused.headers["ratelimit-policy"] == '"requests";q=3;w=3600'
        assert 1 <= int(refused.headers["retry-after"]) <= 1200
        assert refused.json()["code"] == "rate_exceeded"
        assert refused.json()["trace_id"] == refused.headers["x-request-id"]


async def test_what_was_used_up_comes_back_with_time(installation: Installation) -> None:
    async with (
        served(installation, {"rate_limit": 2, "rate_window_seconds": 1}) as server,
        client(installation, server) as api,
    ):
        statuses = [(await api.get(DEALS)).status_code for _ in range(20)]
        assert 429 in statuses
        await asyncio.sleep(1)
        assert (await api.get(DEALS)).status_code == 200


async def test_each_caller_has_its_own_and_our_services_have_no_limit(
    installation: Installation,
) -> None:
    settings = {"rate_limit": 1, "rate_window_seconds": 3600}
    async with (
        served(installation, settings) as server,
        client(installation, server) as first,
        client(installation, server, subject="李强") as second,
        client(installation, server, ("service",), "pharos-targets") as own,
    ):
        assert [(await first.get(DEALS)).status_code for _ in range(2)] == [200, 429]
        assert (await second.get(DEALS)).status_code == 200
        answers = [await own.get(DEALS) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit" not in answers[0].headers


async def test_a_refusal_says_what_is_left_too(installation: Installation) -> None:
    async with (
        served(installation) as server,
        client(installation, server, ("rep",)) as api,
    ):
        answer = await api.post(DEALS, json={})
        assert answer.status_code in {403, 422, 428}
        assert answer.headers["ratelimit"] == '"requests";r=11999;t=1'


async def preflight(installation: Installation, headers: Mapping[str, str]) -> httpx.Response:
    async with (
        served(installation, {"cors_origins": [ORIGIN]}) as server,
        client(installation, server) as api,
    ):
        return await api.options(DEALS, headers={**ASKED, **headers})


async def test_a_browser_is_told_what_a_page_may_send(installation: Installation) -> None:
    answer = await preflight(
        installation, {"Access-Control-Request-Headers": "authorization,idempotency-key,if-match"}
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://crm.example.com.evil.example"},
        {"Origin": "null"},
        {"Access-Control-Request-Headers": "cookie"},
        {"Access-Control-Request-Method": "TRACE"},
    ],
)
async def test_a_page_of_somebody_else_is_refused_with_a_problem(
    installation: Installation, headers: dict[str, str]
) -> None:
    answer = await preflight(installation, headers)
    assert answer.status_code == 403
    assert answer.json()["trace_id"] == answer.headers["x-request-id"]


async def test_a_page_reads_ids_rates_and_versions(installation: Installation) -> None:
    async with (
        served(installation, {"cors_origins": [ORIGIN]}) as server,
        client(installation, server) as api,
    ):
        for path in (DEALS, "/pipeline/v1/nowhere"):
            answer = await api.get(path, headers={"Origin": ORIGIN})
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            shown = answer.headers["access-control-expose-headers"].lower().split(", ")
            assert {"etag", "link", "ratelimit", "location", "x-request-id"} <= set(shown)


async def test_no_page_is_let_in_unless_it_is_set(installation: Installation) -> None:
    async with served(installation) as server, client(installation, server) as api:
        answer = await api.get(DEALS, headers={"Origin": ORIGIN})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["crm.example.com", "https://crm.example.com/", "https://"])
def test_what_is_no_origin_refuses_to_start(installation: Installation, origin: str) -> None:
    with pytest.raises(ValidationError):
        installation.settings("pipeline", cors_origins=[origin])


def _failing() -> APIRouter:
    router = routes("failing")

    @router.get("/failing", openapi_extra=needs(PUBLIC))
    async def fail() -> None:
        raise RuntimeError("nobody has foreseen this")

    return router


async def test_a_failure_is_a_problem_with_an_id_that_a_page_may_read(
    installation: Installation,
) -> None:
    async with (
        served(installation, {"cors_origins": [ORIGIN]}, routers=[_failing()]) as server,
        client(installation, server) as api,
    ):
        answer = await api.get("/pipeline/v1/failing", headers={"Origin": ORIGIN})
        assert answer.status_code == 500
        assert answer.json()["trace_id"] == answer.headers["x-request-id"]
        assert answer.headers["access-control-allow-origin"] == ORIGIN
