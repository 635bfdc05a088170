"""A small reverse proxy to a service in a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import httpx
from starlette.types import Receive, Scope, Send

from deploy.local.front import ServiceNotRunning, refuse
from deploy.local.ports import LOOPBACK

# Longer than any long poll (30 s) and than the pause between two signs of life on a stream.
READ_SECONDS_MAX = 60.0
_TIMEOUT = httpx.Timeout(connect=5.0, read=READ_SECONDS_MAX, write=30.0, pool=10.0)
_LIMITS = httpx.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=30.0)

# These belong to one connection and are not passed on (RFC 9110, section 7.6.1).
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

RawHeaders = list[tuple[bytes, bytes]]


class Proxy:
    """Passes requests on to a port on this machine, byte for byte, bodies as they come."""

    def __init__(self, service: str, port: int) -> None:
        self._service = service
        self._origin = f"http://{LOOPBACK}:{port}"
        self._client = httpx.AsyncClient(timeout=_TIMEOUT, limits=_LIMITS, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay one request; it is given up when the caller leaves before the answer is there."""
        body = _Body(scope, receive)
        relaying = asyncio.create_task(self._relay(scope, body, send))
        leaving = asyncio.create_task(body.left())
        try:
            await asyncio.wait({relaying, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if relaying.done():
                relaying.result()
        finally:
            relaying.cancel()
            leaving.cancel()
            await asyncio.gather(relaying, leaving, return_exceptions=True)

    async def _relay(self, scope: Scope, body: "_Body", send: Send) -> None:
        started = False
        try:
            answer = await self._client.send(self._request(scope, body), stream=True)
            try:
                started = True
                await _pass_on(answer, send)
            finally:
                await answer.aclose()
        except httpx.HTTPError:
            if started:
                raise
            await refuse(ServiceNotRunning(service=self._service), scope, send)

    def _request(self, scope: Scope, body: "_Body") -> httpx.Request:
        target = scope["raw_path"]
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        return httpx.Request(
            scope["method"],
            self._origin,
            headers=_passed_on(scope["headers"]),
            content=body.parts() if body.expected else None,
            # The target as it came: a URL object would write some characters differently.
            extensions={"target": target},
        )


class _Body:
    """The body of a request, and the news that the caller has gone; both come one way."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        names = {name for name, _ in scope["headers"]}
        self.expected = b"content-length" in names or b"transfer-encoding" in names
        self._receive = receive
        self._read = asyncio.Event()

    async def parts(self) -> AsyncIterator[bytes]:
        """Give the body as it arrives; raises httpx.ReadError when the caller leaves midway."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise httpx.ReadError("the caller left")
            more = message.get("more_body", False)
            yield message.get("body", b"")
        self._read.set()

    async def left(self) -> None:
        """Return when the caller has gone, which is told only after the body."""
        if self.expected:
            await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            continue


async def _pass_on(answer: httpx.Response, send: Send) -> None:
    # Our own server dates the answer.
    headers = [pair for pair in _passed_on(answer.headers.raw) if pair[0].lower() != b"date"]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for part in answer.aiter_raw():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
