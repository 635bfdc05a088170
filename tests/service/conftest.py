"""Real servers for the service tests: one PostgreSQL and one NATS, a fresh database per test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import nats
import pytest

from deploy.local.clients import client_of
from deploy.local.http_server import HttpServer
from deploy.local.issuer import Issuer
from deploy.local.nats import EmbeddedNats
from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from deploy.serving import Prefixed, load
from shared.db import Database
from shared.http.service import create_app
from shared.ids import new_id
from shared.migrate import upgrade
from shared.runtime import Role
from shared.settings import ServiceSettings

TEMPLATE = "template_of_tests"
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Servers:
    """What all tests share: the servers, the issuer, and a migrated database to copy."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats
    issuer: Issuer
    dsns: dict[str, str]


@dataclass(frozen=True)
class Installation:
    """A database of its own with all four schemas, and whatever a test starts on it."""

    servers: Servers
    database: str

    def dsn(self, service: str) -> str:
        """Return a service's own DSN."""
        parts = urlsplit(self.servers.dsns[service])
        return urlunsplit(parts._replace(path=f"/{self.database}"))

    def settings(self, service: str, **more: object) -> ServiceSettings:
        """Return a service's settings; unless told otherwise the feeds lead nowhere."""
        issuer = self.servers.issuer
        values: dict[str, object] = {
            "database_url": self.dsn(service),
            "nats_url": self.servers.nats.url,
            "installation": self.database.replace("_", ""),
            "issuer": issuer.url,
            "audience": issuer.audience,
            "jwks_url": issuer.jwks_url,
            "token_url": issuer.token_url,
            "client_id": client_of(service),
            "client_secret": issuer.clients[client_of(service)].secret,
            "feeds": dict.fromkeys(self.servers.dsns, NOWHERE),
        }
        return ServiceSettings(**{**values, **more})  # type: ignore[arg-type]

    @asynccontextmanager
    async def open(self, service: str) -> AsyncIterator[Database]:
        """Lend a service's database."""
        database = await Database.connect(self.settings(service), service)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def serve(self, service: str, role: Role = Role.ALL) -> AsyncIterator[str]:
        """Serve a service on a port of its own; yield its address."""
        app = create_app(load(service), self.settings(service), role)
        http = HttpServer()
        async with app.router.lifespan_context(app):
            await http.start(app)
            try:
                yield http.base_url
            finally:
                await http.stop()

    @asynccontextmanager
    async def api(
        self,
        service: str,
        *,
        role: Role = Role.API,
        roles: tuple[str, ...] = ("admin",),
        **more: object,
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Lend an HTTP client of a service that runs with its own lifespan; ``more`` settings."""
        app = create_app(load(service), self.settings(service, **more), role)
        token = self.servers.issuer.token("tester", roles)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://service",
                headers={"Authorization": f"Bearer {token}"},
            ) as client,
        ):
            yield client


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with throwaway_folder() as made:
        yield made


@pytest.fixture(scope="session")
async def servers(folder: Path) -> AsyncIterator[Servers]:
    http = HttpServer()
    issuer = Issuer(folder, url=f"{http.base_url}/issuer", embedded=True)
    with (
        EmbeddedPostgres(folder / "postgres", durable=False) as postgres,
        EmbeddedNats(folder / "nats") as nats,
    ):
        dsns = await provision(postgres.dsn("postgres"), folder, database=TEMPLATE)
        for service, dsn in dsns.items():
            await asyncio.to_thread(upgrade, load(service), dsn)
        await http.start(Prefixed(issuer, "/issuer"))
        yield Servers(postgres, nats, issuer, dsns)
        await http.stop()


@pytest.fixture
async def installation(servers: Servers) -> AsyncIterator[Installation]:
    name = f"test{new_id().hex[-12:]}"
    admin = await asyncpg.connect(servers.postgres.dsn("postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY = file_copy")
        yield Installation(servers, name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()
        await _forget_streams(servers.nats, name)


async def _forget_streams(server: EmbeddedNats, installation: str) -> None:
    """Delete what an installation left on the broker, which has room for a few dozen streams."""
    async with await nats.connect(server.url) as client:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            if (stream.config.name or "").startswith(f"{installation}_"):
                await jetstream.delete_stream(str(stream.config.name))
