"""Problem types: what the `type` of a problem leads to, for people and for programs."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from deploy.installation import SERVICES
from deploy.local.http_server import HttpServer
from deploy.serving import Prefixed, load
from shared.errors import PharosError
from shared.http.documents.media import prefers_html
from shared.http.documents.problem_types import error_classes, problem_types
from shared.http.service import create_app
from shared.http.status_words import STATUS_WORDS
from shared.runtime import Role
from tests.service.conftest import Installation

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@asynccontextmanager
async def describing(
    installation: Installation, service: str, **settings: object
) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of a service that has not begun: what it tells of itself needs nothing else."""
    app = create_app(load(service), installation.settings(service, **settings), Role.API)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


async def test_the_type_of_a_problem_leads_to_its_explanation(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        problem = (await api.get("/v1/deals/0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10")).json()
        assert problem["type"] == "/pipeline/problems/deal_not_found"
        told = (await api.get(problem["type"].removeprefix("/pipeline"))).json()
        assert (told["type"], told["code"]) == (problem["type"], problem["code"])
        assert (told["status"], told["retryable"]) == (404, False)
        assert told["title"]["en"] == problem["title"]


async def test_it_leads_there_behind_a_prefix_as_it_does_behind_a_gateway(
    installation: Installation,
) -> None:
    app = create_app(load("pipeline"), installation.settings("pipeline"), Role.API)
    http = HttpServer()
    async with app.router.lifespan_context(app):
        await http.start(Prefixed(app, "/pipeline"))
        async with httpx.AsyncClient() as client:
            for base in (f"{http.base_url}/pipeline", http.base_url):  # passed on, or stripped
                address = httpx.URL(f"{base}/v1/deals")
                problem = (await client.get(address)).json()
                found = await client.get(address.join(problem["type"]))
                assert (found.status_code, found.json()["code"]) == (200, "token_refused")
        await http.stop()


async def test_a_public_url_makes_the_type_absolute(installation: Installation) -> None:
    public = "https://sales.example.com/api"
    async with describing(installation, "targets", public_url=public) as api:
        problem = (await api.get("/problems/not_ours")).json()
        listed = (await api.get("/problems")).json()["items"]
    assert problem["type"] == f"{public}/targets/problems/problem_type_not_found"
    assert problem["type"] in {item["type"] for item in listed}


@pytest.mark.parametrize(("language", "title"), [("en", "Not found"), ("zh-CN,zh", "未找到")])
async def test_people_get_a_page_in_their_language(
    installation: Installation, language: str, title: str
) -> None:
    async with describing(installation, "pipeline") as api:
        page = await api.get(
            "/problems/deal_not_found", headers={**HTML, "Accept-Language": language}
        )
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert f"<h1>{title}</h1>" in page.text
        other = {"en": "zh", "zh": "en"}[page.headers["content-language"]]
        switched = await api.get("/problems/deal_not_found", params={"lang": other}, headers=HTML)
        assert switched.headers["content-language"] == other


async def test_the_list_links_every_problem_and_each_link_leads_somewhere(
    installation: Installation,
) -> None:
    async with describing(installation, "performance") as api:
        listed = [item["code"] for item in (await api.get("/problems")).json()["items"]]
        page = (await api.get("/problems", headers=HTML)).text
        assert re.findall(r'<a href="problems/(\w+)\?lang=en">', page) == listed
        for code in listed:
            assert (await api.get(f"/problems/{code}", headers=HTML)).status_code == 200
            assert (await api.get(f"/problems/{code}")).json()["code"] == code


async def test_a_page_asks_nothing_of_anybody(installation: Installation) -> None:
    async with describing(installation, "pipeline") as api:
        page = await api.get("/problems", headers=HTML)
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")
    assert re.findall(r'(?:href|src)="(?!problems/|\?lang=)[^"]*"', page.text) == []
    assert "<script" not in page.text


async def test_an_unknown_code_is_a_problem_itself(installation: Installation) -> None:
    async with describing(installation, "pipeline") as api:
        answer = await api.get("/problems/not_ours")
    assert (answer.status_code, answer.json()["code"]) == (404, "problem_type_not_found")


@pytest.mark.parametrize("service", SERVICES)
def test_no_two_failures_of_a_service_share_a_code(service: str) -> None:
    load(service)
    known: dict[str, type[PharosError]] = {}
    for error in error_classes(service):  # a narrower class may say the same in other words
        assert issubclass(error, known.setdefault(error.code, error))


@pytest.mark.parametrize("service", SERVICES)
def test_every_error_and_every_status_word_of_a_service_is_explained(service: str) -> None:
    load(service)
    known = problem_types(service)
    assert {words.code for words in STATUS_WORDS.values()} < known.keys()
    assert {"invalid_request", "internal_error", "request_refused"} < known.keys()
    for error in error_classes(service):
        assert known[error.code].status == error.kind.status


def test_the_errors_of_another_service_are_not_ones_own() -> None:
    for service in SERVICES:
        load(service)
    assert "deal_not_found" in problem_types("pipeline")
    assert "deal_not_found" not in problem_types("targets")
    assert all(not error.__module__.startswith("deploy") for error in error_classes("targets"))
    assert issubclass(next(error_classes("targets")), PharosError)


@pytest.mark.parametrize(
    ("accept", "is_html"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        (HTML["Accept"], True),
        ("text/html;q=0", False),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=nonsense", True),
    ],
)
def test_a_page_is_for_whoever_names_html(accept: str, *, is_html: bool) -> None:
    assert prefers_html(accept) is is_html
