"""A restored schema: its trail is whole, and only an anchor knows what was lost."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.resilience.restoring import dump, restore
from tests.service.audit.test_tampering import anchor, found, sealed
from tests.service.audit.trail import SERVICE, ask, change, seal
from tests.service.conftest import Installation


async def test_what_was_sealed_since_the_backup_is_missed_by_later_anchors_alone(
    installation: Installation, tmp_path: Path
) -> None:
    parts = urlsplit(installation.servers.postgres.dsn("postgres"))
    dsn = urlunsplit(parts._replace(path=f"/{installation.database}"))
    file = tmp_path / "pipeline.sql"
    async with sealed(installation) as database:
        before = await anchor(installation)
        await ask(database, change("还没有封存"))
        await asyncio.to_thread(dump, SERVICE, file, dsn)
        await seal(database)
        after = await anchor(installation)
        assert await found(installation, [before, after]) == set()
    await asyncio.to_thread(restore, SERVICE, file, dsn)
    assert await found(installation, [before]) == set()
    assert await found(installation, [before, after]) == {("audit.cut", "audit_block 5")}
    async with installation.open(SERVICE) as database:
        await seal(database)  # what waited in the backup gets the number that it had
        await ask(database, change("恢复之后"))
        await seal(database)
    assert await found(installation, [before]) == set()
    assert await found(installation, [before, after]) == {("audit.anchor", "audit_block 5")}
