"""Deprecated routes: they say in every answer since when and until when."""

from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from shared.errors import Refused
from shared.http import problems
from shared.http.deprecation import deprecated
from shared.http.middleware import RequestScope
from shared.http.routes import PUBLIC, needs, routes


class LampGone(Refused):
    en = "The lamp is gone."
    zh = "灯已不在。"


def app() -> FastAPI:
    made = FastAPI()
    router = routes("lamps")
    going = deprecated(since=date(2026, 1, 1), sunset=date(2027, 7, 1), link="/v1/schema")

    @router.get("/lamps", openapi_extra=needs(PUBLIC) | going)
    async def list_lamps() -> list[str]:
        """List lamps."""
        return []

    @router.get("/lamps/1", openapi_extra=needs(PUBLIC) | deprecated(since=date(2026, 1, 1)))
    async def read_lamp() -> list[str]:
        """Return a lamp."""
        raise LampGone

    @router.get("/lights", openapi_extra=needs(PUBLIC))
    async def list_lights() -> list[str]:
        """List lights."""
        return []

    made.router.routes.extend(router.routes)
    problems.install(made)
    made.add_middleware(RequestScope, service="lamps")
    return made


async def answered(path: str) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app()), base_url="http://service"
    ) as client:
        return await client.get(path)


async def test_a_deprecated_route_says_since_when_and_until_when() -> None:
    headers = (await answered("/v1/lamps")).headers
    assert headers["deprecation"] == "@1767225600"  # 2026-01-01T00:00:00Z
    assert headers["sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
    assert headers["link"] == '</v1/schema>; rel="deprecation"'


async def test_a_problem_of_a_deprecated_route_says_so_too() -> None:
    answer = await answered("/v1/lamps/1")
    assert (answer.status_code, answer.headers["deprecation"]) == (409, "@1767225600")
    assert "sunset" not in answer.headers


async def test_other_routes_say_nothing() -> None:
    assert "deprecation" not in (await answered("/v1/lights")).headers


def test_the_description_shows_it() -> None:
    operation = app().openapi()["paths"]["/v1/lamps"]["get"]
    assert operation["deprecated"] is True
    assert operation["x-deprecation"]["sunset"] == "2027-07-01"


def test_an_end_before_the_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="before it is deprecated"):
        deprecated(since=date(2026, 1, 2), sunset=date(2026, 1, 1))
    with pytest.raises(ValueError, match="cannot stand in a header"):
        deprecated(since=date(2026, 1, 2), link="/v1/deals>\r\nX: 1")
