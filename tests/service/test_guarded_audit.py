"""A service whose schema belongs to another role: it works, and cannot change what it sealed."""

import asyncio
import subprocess
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.account import unprivileged_account
from deploy.local.postgres import find_binaries
from deploy.serving import load
from shared.db import Connection
from shared.migrate import upgrade
from tests.architecture.source import ROOT
from tests.service.audit.trail import SERVICE, ask, change, examined, seal
from tests.service.conftest import Installation
from tests.service.test_runtime import started

GUARD = ROOT / "deploy" / "postgres" / "guard-audit.sql"
REFUSED = [
    "UPDATE audit_row SET actor = '李强'",
    "DELETE FROM audit_row",
    "TRUNCATE audit_row",
    "DROP TABLE audit_row",
    "UPDATE audit_row_000000 SET actor = '李强'",
    "DELETE FROM audit_row_000000",
    "DROP TABLE audit_row_000000",
    "DELETE FROM audit_row_000001",
    "ALTER TABLE audit_row DETACH PARTITION audit_row_000000",
    "UPDATE audit_block SET hash = sha256(hash)",
    "DELETE FROM audit_block",
    "ALTER TABLE audit_row OWNER TO pharos_pipeline",
    "CREATE OR REPLACE FUNCTION make_audit_part(number bigint) RETURNS void LANGUAGE sql AS ''",
    "SET ROLE pharos_pipeline_owner",
]


def admin_dsn(installation: Installation) -> str:
    parts = urlsplit(installation.servers.postgres.dsn("postgres"))
    return urlunsplit(parts._replace(path=f"/{installation.database}"))


async def guard(installation: Installation) -> None:
    """Run the file as an operator does."""
    psql = find_binaries(unprivileged_account()) / "psql"
    words = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--set", f"service={SERVICE}"]
    done = await asyncio.to_thread(
        subprocess.run,
        [str(psql), *words, "-f", str(GUARD), admin_dsn(installation)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


async def refused(conn: Connection, statement: str) -> bool:
    """Tell whether the database refuses a statement."""
    try:
        await conn.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    return False


async def test_a_guarded_service_works_and_cannot_change_what_it_sealed(
    installation: Installation,
) -> None:
    await guard(installation)
    await guard(installation)  # after the next migration
    async with started(installation, SERVICE) as api:
        answer = await api.post("/v1/accounts", json={"name": "上海灯塔"})
        assert answer.status_code == 201
    async with installation.open(SERVICE) as database:
        async with database.acquire() as conn:
            await conn.execute("SELECT make_log_partition('2030-01-07')")
            await conn.execute("SELECT drop_log_partitions('2030-01-01')")
            await conn.execute("SELECT make_audit_part(1000000)")
            await conn.execute("UPDATE audit_head SET number = 999999, block = 7")
        await ask(database, change(), change())
        await seal(database)
        async with database.acquire() as conn:
            numbers = await conn.fetch("SELECT number FROM audit_row WHERE number > 999999")
            assert {row["number"] for row in numbers} >= {1_000_000, 1_000_001}
            for statement in REFUSED:
                assert await refused(conn, statement), statement


async def test_a_guarded_schema_is_migrated_by_its_owner(installation: Installation) -> None:
    await guard(installation)
    admin = await asyncpg.connect(admin_dsn(installation))
    try:
        await admin.execute("DROP ROLE IF EXISTS migrating")
        await admin.execute(
            "CREATE ROLE migrating LOGIN PASSWORD '迁移' IN ROLE pharos_pipeline_owner"
        )
        await admin.execute(f"GRANT CONNECT ON DATABASE {installation.database} TO migrating")
        await admin.execute("ALTER ROLE migrating SET role = pharos_pipeline_owner")
        parts = urlsplit(admin_dsn(installation))
        place = parts.netloc.rpartition("@")[2]
        dsn = urlunsplit(parts._replace(netloc=f"migrating:%E8%BF%81%E7%A7%BB@{place}"))
        await asyncio.to_thread(upgrade, load(SERVICE), dsn)
        await admin.execute(f"REVOKE CONNECT ON DATABASE {installation.database} FROM migrating")
        await admin.execute("DROP ROLE migrating")
    finally:
        await admin.close()
    assert await examined(installation) == []
