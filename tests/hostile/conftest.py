"""Servers of the service tests, and a company behind one port for what is thrown at every route."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from tests.flow.world import World, founded
from tests.hostile.company import documents, known_ids, lived_in
from tests.hostile.documents import Maker, Route
from tests.resilience.scale import FULL, SEED
from tests.service.conftest import folder, installation, servers

__all__ = ["folder", "installation", "servers"]

UNBOUND = {"rate_limit": 0, "log_level": "error"}


@dataclass(frozen=True)
class Target:
    """A company that has lived, its routes, and what makes valid requests to them."""

    stack: Stack
    world: World
    routes: dict[str, list[Route]]
    maker: Maker

    @property
    def port(self) -> int:
        """The port of the front."""
        return int(self.stack.base_url.rpartition(":")[2])

    @property
    def token(self) -> str:
        """A token that may do everything."""
        return self.stack.token(roles=["admin"], subject="tester")


def pytest_report_header() -> str:
    return f"hostile: PHAROS_CHAOS={'full' if FULL else 'short'} PHAROS_CHAOS_SEED={SEED}"


@pytest.fixture(scope="session")
async def target() -> AsyncIterator[Target]:
    """In one process for a quick look, in a process per service behind the proxy in full."""
    with throwaway_folder("pharos-hostile-") as place:
        async with (
            Stack(place, durable=False, isolated=FULL, settings=UNBOUND) as stack,
            founded(stack) as world,
        ):
            await lived_in(world)
            routes = await documents(world.http)
            maker = Maker(await known_ids(world.http, routes))
            yield Target(stack, world, routes, maker)
