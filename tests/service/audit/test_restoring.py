"""A restored schema: its trail is whole, and only an anchor knows what was lost."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.resilience.restoring import play
from tests.service.audit.test_tampering import anchor, found, sealed
from tests.service.audit.trail import SERVICE, ask, change, seal
from tests.service.conftest import Installation


async def test_what_was_sealed_since_the_backup_is_missed_by_later_anchors_alone(
    installation: Installation, tmp_path: Path
) -> None:
    parts = urlsplit(installation.servers.postgres.dsn("postgres"))
    dsn = urlunsplit(parts._replace(path=f"/{installation.database}"))
    dump = str(tmp_path / "pipeline.sql")
    async with sealed(installation) as database:
        before = await anchor(installation)
        await ask(database, change("还没有封存"))
        await asyncio.to_thread(
            play, "pg_dump", "--clean", "--if-exists", "-n", SERVICE, "-f", dump, dsn
        )
        await seal(database)
        after = await anchor(installation)
        assert await found(installation, [before, after]) == set()
    drop = f"DROP SCHEMA {SERVICE} CASCADE"
    await asyncio.to_thread(play, "psql", "-q", "-c", drop, dsn)
    await asyncio.to_thread(play, "psql", "-q", "--set", "ON_ERROR_STOP=1", "-f", dump, dsn)
    assert await found(installation, [before]) == set()
    assert await found(installation, [before, after]) == {("audit.cut", "audit_block 5")}
    async with installation.open(SERVICE) as database:
        await seal(database)  # what waited in the backup gets the number that it had
        await ask(database, change("恢复之后"))
        await seal(database)
    assert await found(installation, [before]) == set()
    assert await found(installation, [before, after]) == {("audit.anchor", "audit_block 5")}
