"""The server's own limits: size, number and time of what comes before a request is one."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.http_server import HttpServer
from shared.settings import ServerSettings
from tests.hostile.raw import Raw, connected, request

LIMITS = ServerSettings(
    url_limit_bytes=1_000,
    header_limit_bytes=2_000,
    header_limit_count=10,
    header_seconds=1,
    body_seconds=1,
    body_bytes_per_second=100_000,
    answer_seconds=1,
    keep_alive_seconds=1,
    connection_limit=8,
)
FAT = b"x" * 10_000_000


async def _length(asked: Request) -> Response:
    return JSONResponse({"bytes": len(await asked.body())})


async def _unread(_: Request) -> Response:
    return JSONResponse({"read": False}, 401)


async def _fat(_: Request) -> Response:
    return Response(FAT)


async def _headers(asked: Request) -> Response:
    await asked.body()
    return JSONResponse(dict(asked.headers))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = HttpServer(limits=LIMITS)
    routes = [
        Route("/", _length, methods=["GET", "POST"]),
        Route("/unread", _unread, methods=["POST"]),
        Route("/fat", _fat),
        Route("/headers", _headers, methods=["POST"]),
    ]
    await server.start(Starlette(routes=routes))
    yield server.port
    await server.stop()


async def is_served(port: int) -> bool:
    async with connected(port) as raw:
        await raw.say(request())
        return (await raw.hear()).status == 200


async def refused(raw: Raw, status: int, code: str) -> None:
    """Hold the answer to be this problem, and the last that the connection has to say."""
    answer = await raw.hear()
    assert (answer.status, answer.problem["code"]) == (status, code)
    assert answer.headers["connection"] == "close"
    assert await raw.is_closed()


@pytest.mark.parametrize("path", ["/" + "a" * 1_001, "/?q=" + "%E7%81%AF" * 200])
async def test_an_address_above_the_limit_is_refused(port: int, path: str) -> None:
    async with connected(port) as raw:
        await raw.say(request(path))
        await refused(raw, 414, "address_too_long")


@pytest.mark.parametrize(
    "headers",
    [["x: " + "a" * 2_001], [f"x-{n}: {'a' * 500}" for n in range(5)], ["a: b"] * 11],
)
async def test_headers_above_the_limits_are_refused(port: int, headers: list[str]) -> None:
    async with connected(port) as raw:
        await raw.say(request("/", *headers))
        await refused(raw, 431, "headers_too_large")


async def test_a_header_without_end_is_refused_before_it_fills_the_memory(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(b"GET / HTTP/1.1\r\nx: ", b"a" * 5_000_000)
        await refused(raw, 431, "headers_too_large")


async def test_a_refusal_speaks_the_language_that_it_has_heard_of(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request("/", "Accept-Language: zh-CN", "x: " + "a" * 2_001))
        assert (await raw.hear()).problem["title"] == "请求过大"


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\x00/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /灯塔 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        b"GET / HTTP/1.1\r\nHost: a\r\nx: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1e9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_request_is_answered_and_closed(port: int, said: bytes) -> None:
    async with connected(port) as raw:
        await raw.say(said)
        await refused(raw, 400, "request_unreadable")


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n", b"\r\n", b"G", b"GET / HTTP/1.1\r\nx: a\r\nx"]
)
async def test_headers_that_do_not_end_in_time_are_refused(port: int, said: bytes) -> None:
    async with connected(port) as raw:
        await raw.say(said)
        await refused(raw, 408, "request_timeout")


async def test_dripping_headers_are_refused(port: int) -> None:
    async with connected(port) as raw:

        async def drip() -> None:
            for byte in request("/", *["a: b"] * 5):
                await raw.say(bytes([byte]))
                await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        await refused(raw, 408, "request_timeout")
        dripping.cancel()


async def test_a_silent_connection_is_closed(port: int) -> None:
    async with connected(port) as raw:
        assert await raw.is_closed()


async def test_a_connection_that_is_idle_is_closed(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request())
        assert (await raw.hear()).status == 200
        assert await raw.is_closed()


async def test_a_body_that_drips_is_refused(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request("/", "Content-Length: 1000", method="POST", body=b"a"))
        await refused(raw, 408, "request_timeout")


async def test_a_body_gets_a_second_more_for_what_is_sent_in_one(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request("/", "Content-Length: 600000", method="POST", body=b"a" * 500_000))
        await asyncio.sleep(3)
        await raw.say(b"a" * 100_000)
        assert (await raw.hear()).body == b'{"bytes":600000}'


async def test_an_answer_that_nobody_reads_is_cut_off(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request("/fat"))
        await asyncio.sleep(4)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await raw.hear()


async def test_an_answer_that_is_not_waited_for_comes_whole_while_the_body_is_dropped(
    port: int,
) -> None:
    async with connected(port) as raw:
        said = request("/unread", method="POST", body=b"a" * 3_000_000)
        await raw.say(said[:100])
        await asyncio.sleep(0.1)
        await raw.say(said[100:])
        assert (await raw.hear()).status == 401
        await raw.say(request())
        assert (await raw.hear()).status == 200


async def test_a_body_without_end_that_nobody_reads_is_cut_off(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request("/unread", "Content-Length: 10000000000", method="POST"))
        assert (await raw.hear()).status == 401
        for _ in range(40):
            await raw.say(b"a" * 1_000_000)
        assert await raw.is_closed()


async def test_an_answer_before_go_on_is_the_last_of_its_connection(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(
            request("/unread", "Content-Length: 9", "Expect: 100-continue", method="POST")
        )
        assert (await raw.hear()).headers["connection"] == "close"
        assert await raw.is_closed()


async def test_spaces_around_a_header_are_none_of_it(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request("/headers", "if-none-match: \t*  \t ", method="POST"))
        assert orjson.loads((await raw.hear()).body)["if-none-match"] == "*"


async def test_headers_behind_a_body_are_not_those_of_the_request(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(
            request("/headers", "Transfer-Encoding: chunked", method="POST"),
            b"1\r\na\r\n0\r\nauthorization: Bearer x\r\n\r\n",
        )
        assert orjson.loads((await raw.hear()).body).keys() == {"host", "transfer-encoding"}


async def test_pipelined_requests_are_answered_in_turn_and_bounded(port: int) -> None:
    async with connected(port) as raw:
        await raw.say(request() * 20)
        assert [(await raw.hear()).status for _ in range(20)] == [200] * 20
        await raw.say(request() * 100)
        assert await raw.is_closed()


async def test_who_only_holds_connections_keeps_nobody_out(port: int) -> None:
    holders = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
    assert all([await is_served(port) for _ in range(5)])
    for _, writer in holders:
        writer.close()


async def test_a_connection_above_the_limit_is_refused_while_all_others_work(port: int) -> None:
    working = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
    for _, writer in working:
        writer.write(request("/", "Content-Length: 9", method="POST"))
        await writer.drain()
    await asyncio.sleep(0.2)
    async with connected(port) as raw:
        answer = await raw.hear()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.problem["retryable"]
        assert await raw.is_closed()
    for _, writer in working:
        writer.close()
