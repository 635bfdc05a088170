"""The verifier finds nothing in a healthy installation, and one cent or one row that is not."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import asyncpg
import pytest

from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from deploy.local.stack import Stack
from deploy.verify.verifier import Finding, Kind, verify
from shared.period import FiscalCalendar
from tests.flow.world import founded
from tests.resilience.history import lived
from tests.resilience.scale import scaled
from tests.resilience.tampering import PLACES, Place, Tampering, places
from tests.resilience.wholeness import verified

SEED = 20251123
TIMES = scaled(24, 200)


@dataclass(frozen=True)
class AtRest:
    """An installation whose services are stopped: nobody but a test changes anything."""

    dsns: Mapping[str, str]
    hands: Mapping[str, Tampering]
    connections: Mapping[str, "asyncpg.Connection[asyncpg.Record]"]
    partitions: int

    async def findings(self) -> list[Finding]:
        """Return what the verifier finds now."""
        return list(await verify(self.dsns, FiscalCalendar()))


@asynccontextmanager
async def history(folder: Path, partitions: int) -> AsyncIterator[AtRest]:
    """Let a company live, verify it as it runs, stop it, and lend its databases."""
    settings = {"partitions": partitions}
    async with Stack(folder, durable=False, settings=settings) as stack, founded(stack) as world:
        await lived(world)
        assert not await verified(stack)
    server = EmbeddedPostgres(stack.folder / "postgres", durable=False)
    with server:
        dsns = await provision(server.dsn("postgres"), stack.folder / "secrets")
        async with AsyncExitStack() as open_connections:
            connections = {}
            for service, dsn in dsns.items():
                connections[service] = await asyncpg.connect(dsn)
                open_connections.push_async_callback(connections[service].close)
            hands = {service: Tampering(held) for service, held in connections.items()}
            for service, hand in hands.items():
                await hand.keep(list(PLACES[service]))
            yield AtRest(dsns, hands, connections, partitions)


@pytest.fixture(scope="module")
async def at_rest() -> AsyncIterator[AtRest]:
    with throwaway_folder() as folder:
        async with history(folder, 1) as held:
            yield held


async def unnamed_of(held: AtRest, place: Place, done: str) -> str | None:
    """Verify what was tampered with and put it back; return what went unnamed, None if nothing."""
    try:
        found = await held.findings()
    finally:
        await held.hands[place.service].restore(place.table)
    wrong = [finding for finding in found if finding.kind is Kind.WRONG]
    if any(place.is_named_by(finding.where) for finding in wrong):
        return None
    return f"{place}: {done}\n  found: {[str(finding) for finding in found]}"


async def tampered(held: AtRest, times: int) -> list[str]:
    """Tamper in so many random places, one after the other; return what went unnamed."""
    dice = Random(SEED)
    unnamed: list[str] = []
    done = 0
    for place in islice(places(dice, held.partitions), 3 * times):
        if done < times and (what := await held.hands[place.service].tamper(place, dice)):
            done += 1
            missed = await unnamed_of(held, place, what)
            unnamed += [missed] if missed else []
    assert done == times
    assert not await held.findings()
    return unnamed


async def test_whatever_is_tampered_with_is_named(at_rest: AtRest) -> None:
    print(f"seed {SEED}, {TIMES} places")  # noqa: T201 - to be able to try the same again
    unnamed = await tampered(at_rest, TIMES)
    assert not unnamed, "\n".join(unnamed)


async def test_an_installation_of_four_partitions_is_verified_alike() -> None:
    with throwaway_folder() as folder:
        async with history(folder, 4) as held:
            unnamed = await tampered(held, scaled(8, 60))
    assert not unnamed, "\n".join(unnamed)
