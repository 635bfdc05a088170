"""Committed changes get dense numbers and chained blocks, once, whoever dies or races."""

import asyncio
from collections.abc import Iterator

import pytest

from shared import failpoints
from shared.audit import sealer, store
from shared.audit.model import Head, start_of
from shared.audit.sealer import Sealer
from shared.db import Database
from shared.events import outbox
from shared.metrics import Metrics
from tests.service.audit.trail import SERVICE, ask, asking, change, examined, kept, seal, sealing
from tests.service.conftest import Installation


@pytest.fixture(autouse=True)
def brisk() -> Iterator[None]:
    """Let sealers look every few milliseconds, and make small blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealer, "SEAL_SECONDS", 0.02)
        patch.setattr(sealer, "BLOCK_ROWS_MAX", 7)
        yield


async def whole(installation: Installation, database: Database, count: int) -> None:
    """Check that so many changes were sealed, each once, and that the trail is whole."""
    rows = await kept(database, count)
    assert [row["number"] for row in rows] == list(range(1, count + 1))
    assert len({row["after"] for row in rows}) == count
    assert await examined(installation) == []


async def test_changes_at_once_get_dense_numbers(installation: Installation) -> None:
    async with sealing(installation) as database:
        names = [f"灯塔{number}" for number in range(60)]
        await asyncio.gather(*(ask(database, change(name), change(f"{name}二")) for name in names))
        await whole(installation, database, 120)


async def test_a_change_that_commits_late_gets_a_later_number(installation: Installation) -> None:
    async with sealing(installation) as database:
        async with database.acquire() as conn, conn.transaction():
            await outbox.note(conn, asking(), change("迟到"))  # has the lower place in the list
            await ask(database, change("先到"))
            await kept(database, 1)
        rows = await kept(database, 2)
        assert ["先到" in row["after"] for row in rows] == [True, False]
        await whole(installation, database, 2)


async def test_two_sealers_never_give_a_number_twice(installation: Installation) -> None:
    async with sealing(installation, sealers=3, lease_seconds=0.3) as database:
        for wave in range(10):
            await asyncio.gather(*(ask(database, change(f"{wave}/{n}")) for n in range(10)))
            await asyncio.sleep(0.05)
        await whole(installation, database, 100)


async def test_a_sealer_that_lost_its_lease_seals_nothing(installation: Installation) -> None:
    async with installation.open(SERVICE) as database:
        stale = Sealer(SERVICE, database, Metrics(SERVICE), 0.05)
        assert await stale.lease.take(database)
        await asyncio.sleep(0.1)
        fresh = Sealer(SERVICE, database, Metrics(SERVICE), 60)
        assert await fresh.lease.take(database)
        await ask(database, change())
        assert await stale._seal() == 0
        assert await fresh._seal() == 1
        await whole(installation, database, 1)


@pytest.mark.parametrize("name", ["audit.taken", "audit.sealing", "audit.sealed"])
@pytest.mark.parametrize("turn", [1, 3])
async def test_a_sealer_that_fails_anywhere_loses_and_doubles_nothing(
    installation: Installation, name: str, turn: int
) -> None:
    """In one process; whole processes are killed at these places in tests/resilience."""

    async def fail() -> None:
        raise OSError("断电")  # what a sealer waits out, and begins again

    async with installation.open(SERVICE) as database:
        await ask(database, *(change(f"{number}") for number in range(30)))
    with failpoints.armed(f"{name}@{turn}", fail) as failpoint:
        async with sealing(installation) as database:
            await whole(installation, database, 30)
            assert failpoint.passed >= turn


async def test_nothing_is_written_where_nothing_waits(installation: Installation) -> None:
    async with sealing(installation) as database:
        await asyncio.sleep(0.2)
        async with database.acquire() as conn:
            head = await store.lock_head(conn, SERVICE)
            assert await conn.fetchval("SELECT count(*) FROM audit_block") == 0
        assert head == Head(0, 0, start_of(SERVICE))
        assert await examined(installation) == []


async def test_the_table_of_the_next_million_is_made_ahead(installation: Installation) -> None:
    async with installation.open(SERVICE) as database:
        async with database.acquire() as conn:
            await conn.execute("UPDATE audit_head SET number = 499998")
        await ask(database, *(change(f"{number}") for number in range(3)))
        await seal(database)
        async with database.acquire() as conn:
            parts = await conn.fetch(
                "SELECT relid::text AS name FROM pg_partition_tree('audit_row') WHERE isleaf"
            )
            assert {row["name"] for row in parts} == {"audit_row_000000", "audit_row_000001"}
            await conn.execute("UPDATE audit_head SET number = 999998")
        await ask(database, *(change(f"{number}") for number in range(3)))
        await seal(database)
        async with database.acquire() as conn:
            numbers = await conn.fetch("SELECT number FROM audit_row_000001 ORDER BY number")
        assert [row["number"] for row in numbers] == [1_000_000, 1_000_001]


async def test_a_changed_head_does_not_keep_changes_from_being_made(
    installation: Installation,
) -> None:
    async with installation.open(SERVICE) as database:
        async with database.acquire() as conn:
            await conn.execute("DELETE FROM audit_head")
        await ask(database, change())
        with pytest.raises(store.HeadMissing):
            await seal(database)
        async with database.acquire() as conn:
            assert await conn.fetchval("SELECT count(*) FROM audit_pending") == 1
