"""Who gets in: tokens of this issuer only, and an issuer in trouble holds up nobody it knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deploy.local.http_server import HttpServer
from shared.auth.client import IssuerUnavailable
from shared.auth.principal import TokenRefused
from shared.auth.tokens import KeySet, Verifier
from tests.service.conftest import Servers


class Keys:
    """An endpoint of keys that can hang."""

    def __init__(self, document: object) -> None:
        self.document = document
        self.hangs = False
        self.asked = 0

    async def answer(self, _: Request) -> JSONResponse:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(30)
        return JSONResponse(self.document)


@asynccontextmanager
async def published(servers: Servers) -> AsyncIterator[tuple[Keys, KeySet]]:
    async with httpx.AsyncClient() as client:
        keys = Keys((await client.get(servers.issuer.jwks_url)).json())
        http = HttpServer()
        await http.start(Starlette(routes=[Route("/keys", keys.answer)]))
        try:
            yield keys, KeySet(client, f"{http.base_url}/keys")
        finally:
            await http.stop()


def key_id(servers: Servers) -> str:
    return str(jwt.get_unverified_header(servers.issuer.token("x", ("rep",)))["kid"])


async def test_unknown_keys_neither_hold_up_known_ones_nor_hammer_the_issuer(
    servers: Servers,
) -> None:
    async with published(servers) as (endpoint, keys):
        known = key_id(servers)
        await keys.key(known)
        endpoint.hangs = True
        for number in range(50):
            with pytest.raises(TokenRefused):
                await keys.key(f"未知{number}")
            await keys.key(known)
        assert endpoint.asked == 1


async def test_an_issuer_that_hangs_is_waited_for_once_by_all(servers: Servers) -> None:
    async with published(servers) as (endpoint, keys):
        endpoint.hangs = True
        async with asyncio.timeout(4):
            answers = await asyncio.gather(
                *(keys.key(key_id(servers)) for _ in range(10)), return_exceptions=True
            )
        assert {type(answer) for answer in answers} == {IssuerUnavailable}
        assert endpoint.asked == 1


@pytest.mark.parametrize(
    "token",
    ["", "a.b.c", jwt.encode({"sub": "x"}, "s" * 32, algorithm="HS256"), "x" * 10_000],
)
async def test_what_is_no_token_of_this_issuer_is_refused(servers: Servers, token: str) -> None:
    async with published(servers) as (_, keys):
        verifier = Verifier(keys, servers.issuer.url, servers.issuer.audience)
        with pytest.raises(TokenRefused):
            await verifier.principal(f"Bearer {token}")


async def test_a_token_that_is_out_of_date_is_refused(servers: Servers) -> None:
    async with published(servers) as (_, keys):
        verifier = Verifier(keys, servers.issuer.url, servers.issuer.audience)
        good = servers.issuer.token("王芳", ("rep",), timedelta(minutes=5))
        assert (await verifier.principal(f"Bearer {good}")).subject == "王芳"
        old = servers.issuer.token("王芳", ("rep",), timedelta(minutes=-2))
        with pytest.raises(TokenRefused):
            await verifier.principal(f"Bearer {old}")
        elsewhere = Verifier(keys, servers.issuer.url, "another-audience")
        with pytest.raises(TokenRefused):
            await elsewhere.principal(f"Bearer {good}")
