"""One company for all: its tests refuse, or change nothing that another one looks at."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.ids import new_id
from tests.authorisation.office import Office, opened
from tests.service.conftest import TEMPLATE, Installation, Servers, folder, installation, servers
from tests.service.test_own_post import company

__all__ = ["company", "folder", "installation", "servers"]


@pytest.fixture(scope="session")
async def office(servers: Servers) -> AsyncIterator[Office]:
    name = f"test{new_id().hex[-12:]}"
    admin = await asyncpg.connect(servers.postgres.dsn("postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY = file_copy")
        async with opened(Installation(servers, name)) as made:
            yield made
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()
