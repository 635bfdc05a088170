"""The proxy before isolated services passes everything on as it is."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.local.front import Front
from deploy.local.http_server import HttpServer
from deploy.local.ports import free_port
from deploy.local.proxy import READ_SECONDS_MAX, Proxy

CHINESE = "商机：华为 / 一百万元"


class Upstream:
    """A service that tells what it was sent, and what became of it."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/wait", self._wait),
                Route("/stream", self._stream),
                Route("/empty", self._empty),
                Route("/{path:path}", self._echo, methods=["GET", "POST", "PATCH", "DELETE"]),
            ]
        )

    async def _echo(self, request: Request) -> JSONResponse:
        told = {
            "method": request.method,
            "target": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "headers": [[name.decode(), value.decode()] for name, value in request.headers.raw],
            "body": (await request.body()).decode(),
        }
        answer = JSONResponse(told, 418)
        answer.raw_headers.extend([(b"x-twice", b"1"), (b"x-twice", b"2")])
        return answer

    async def _wait(self, request: Request) -> Response:
        for _ in range(600):
            if await request.is_disconnected():
                self.left.set()
                break
            await asyncio.sleep(0.02)
        return Response()

    async def _stream(self, _request: Request) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            yield "data: 一\n\n"
            await asyncio.sleep(1)
            yield "data: 二\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _empty(self, _request: Request) -> Response:
        return Response(status_code=204)


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[tuple[Upstream, HttpServer]]:
    told, server = Upstream(), HttpServer()
    await server.start(told.app)
    yield told, server
    await server.stop()


@pytest.fixture(scope="module")
async def http(upstream: tuple[Upstream, HttpServer]) -> AsyncIterator[httpx.AsyncClient]:
    proxy, front = Proxy("targets", upstream[1].port), HttpServer()
    await front.start(Front({"targets": lambda: proxy, "pipeline": lambda: None}))
    async with httpx.AsyncClient(base_url=front.base_url, trust_env=False) as client:
        yield client
    await front.stop()
    await proxy.close()


async def test_method_path_query_headers_and_body_arrive_as_they_were_sent(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.patch(
        "/targets/v1/accounts/by-external/a%2Fb/%E5%8D%8E?q=%E4%B8%80&q=2&empty=",
        content=CHINESE.encode(),
        headers={"Authorization": "Bearer x", "If-Match": '"7"', "Connection": "keep-alive"},
    )
    assert answer.status_code == 418
    told = answer.json()
    assert told["method"] == "PATCH"
    assert told["target"] == "/targets/v1/accounts/by-external/a%2Fb/%E5%8D%8E"
    assert told["query"] == "q=%E4%B8%80&q=2&empty="
    assert told["body"] == CHINESE
    headers = dict(told["headers"])
    assert headers["authorization"] == "Bearer x"
    assert headers["if-match"] == '"7"'
    assert headers["host"] == answer.request.headers["host"]
    assert answer.headers.get_list("x-twice") == ["1", "2"]
    assert len(answer.headers.get_list("date")) == 1


async def test_a_body_without_a_length_arrives_whole(http: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    answer = await http.post("/targets/import", content=parts())
    assert len(answer.json()["body"]) == 64 * 65_536


async def test_a_large_body_and_a_large_answer_pass(http: httpx.AsyncClient) -> None:
    body = json.dumps({"lines": [CHINESE] * 100_000}, ensure_ascii=False)
    answer = await http.post("/targets/import", content=body.encode())
    assert answer.json()["body"] == body


async def test_an_answer_without_a_body_passes(
    upstream: tuple[Upstream, HttpServer], http: httpx.AsyncClient
) -> None:
    assert (await http.get("/targets/empty")).status_code == 418
    proxy = Proxy("empty", upstream[1].port)
    front = HttpServer()
    await front.start(Front({"empty": lambda: proxy}))
    answer = await http.get(f"{front.base_url}/empty")
    assert (answer.status_code, answer.content) == (204, b"")
    head = await http.head(f"{front.base_url}/empty")
    assert (head.status_code, head.content) == (204, b"")
    await front.stop()
    await proxy.close()


async def test_a_stream_arrives_as_it_is_written(
    upstream: tuple[Upstream, HttpServer], http: httpx.AsyncClient
) -> None:
    proxy = Proxy("stream", upstream[1].port)
    front = HttpServer()
    await front.start(Front({"stream": lambda: proxy}))
    started = asyncio.get_running_loop().time()
    async with http.stream("GET", f"{front.base_url}/stream") as answer:
        parts = answer.aiter_text()
        assert await anext(parts) == "data: 一\n\n"
        assert asyncio.get_running_loop().time() - started < 0.9
        assert await anext(parts) == "data: 二\n\n"
    await front.stop()
    await proxy.close()


async def test_the_service_learns_that_the_caller_has_left(
    upstream: tuple[Upstream, HttpServer], http: httpx.AsyncClient
) -> None:
    proxy = Proxy("wait", upstream[1].port)
    front = HttpServer()
    await front.start(Front({"wait": lambda: proxy}))
    with pytest.raises(httpx.ReadTimeout):
        await http.get(f"{front.base_url}/wait", timeout=0.3)
    await asyncio.wait_for(upstream[0].left.wait(), 5)
    await front.stop()
    await proxy.close()


def test_a_long_poll_of_thirty_seconds_has_time() -> None:
    assert READ_SECONDS_MAX > 30


async def test_a_service_that_does_not_listen_is_a_problem_worth_another_try(
    http: httpx.AsyncClient,
) -> None:
    proxy, front = Proxy("targets", free_port()), HttpServer()
    await front.start(Front({"targets": lambda: proxy}))
    for method in ("GET", "POST"):
        answer = await http.request(
            method, f"{front.base_url}/targets/v1/x", headers={"Accept-Language": "zh-CN"}
        )
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "retry-after" in answer.headers
        assert answer.json()["detail"] == "服务 targets 暂时没有响应，请重新发送同一请求。"
    await front.stop()
    await proxy.close()


async def test_a_service_that_has_not_started_yet_is_the_same(http: httpx.AsyncClient) -> None:
    answer = await http.get("/pipeline/v1/deals")
    assert answer.status_code == 503
    assert answer.json()["retryable"] is True


@pytest.mark.parametrize("path", ["/", "/target", "/targetsx/v1", "//targets/v1", "/%00"])
async def test_any_other_path_is_told_what_there_is(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(f"{http.base_url}".rstrip("/") + path)
    assert answer.status_code == 404
    assert "/targets, /pipeline" in answer.json()["detail"]
