"""One installation for all flow tests; every test has a company of its own in it."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from tests.flow.world import World, founded


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False) as started:
            yield started


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    async with founded(stack) as made:
        yield made
