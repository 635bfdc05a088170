"""A service behind a real server, with settings and routes of a test's own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
from fastapi import APIRouter

from deploy.local.http_server import HttpServer
from deploy.serving import Prefixed, load
from shared.http.service import create_app
from shared.http.shedding import gate_of
from shared.runtime import Role
from tests.service.conftest import Installation


@asynccontextmanager
async def served(
    installation: Installation,
    settings: Mapping[str, object] | None = None,
    *,
    service: str = "pipeline",
    routers: Sequence[APIRouter] = (),
    gated: bool = True,
) -> AsyncIterator[HttpServer]:
    """Serve a service below its prefix; yield its server.

    ``gated`` as `pharos serve` does it; without, as behind the one port of all services.
    """
    given = installation.settings(service, **(settings or {}))
    whole = load(service)
    app = create_app(replace(whole, routers=(*whole.routers, *routers)), given, Role.API)
    server = HttpServer(limits=given)
    async with app.router.lifespan_context(app):
        gate = gate_of(app, given) if gated else None
        await server.start(Prefixed(app, f"/{service}"), gate)
        try:
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def client(
    installation: Installation,
    server: HttpServer,
    roles: tuple[str, ...] = ("admin",),
    subject: str = "王芳",
) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of a served service, with a token of these roles."""
    token = installation.servers.issuer.token(subject, roles)
    async with httpx.AsyncClient(
        base_url=server.base_url,
        headers={"Authorization": f"Bearer {token}"},
        limits=httpx.Limits(max_connections=None),
        timeout=20,
    ) as made:
        yield made
