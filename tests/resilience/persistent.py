"""A client as every client should be: what was not answered is sent again under the same key."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from deploy.local.stack import Stack
from shared.ids import new_id
from tests.flow.world import World

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1


class Persistent(httpx.AsyncBaseTransport):
    """Gives each request an Idempotency-Key and sends it until something but a 5xx answers.

    ``repeated`` counts what had to be sent again.
    """

    def __init__(self) -> None:
        self.repeated = 0
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and "Idempotency-Key" not in request.headers:
            request.headers["Idempotency-Key"] = str(new_id())
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self._transport.handle_async_request(request)
                await answer.aread()
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if answer.status_code < 500 or time.monotonic() > until:
                    return answer
            self.repeated += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def aclose(self) -> None:
        await self._transport.aclose()


@asynccontextmanager
async def persistent(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client that may do everything and does not give up for a minute."""
    token = stack.token(roles=["admin"], subject="tester")
    async with httpx.AsyncClient(
        base_url=stack.base_url,
        headers={"Authorization": f"Bearer {token}"},
        transport=Persistent(),
        timeout=10,
    ) as http:
        yield http


@asynccontextmanager
async def enduring(stack: Stack) -> AsyncIterator[World]:
    """Lend a world of its own whose people do not give up either."""
    async with persistent(stack) as http:
        world = World(stack, http)
        await world.found()
        yield world
