"""A role per service, which owns its schema and can read nothing else."""

import itertools
import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.installation import SERVICES
from deploy.local.errors import DatabaseUnfit
from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision, with_database, with_user


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with throwaway_folder() as made:
        yield made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(folder / "postgres", durable=False) as started:
        yield started


@pytest.fixture(scope="module")
async def dsns(server: EmbeddedPostgres, folder: Path) -> dict[str, str]:
    made = await provision(server.dsn("postgres"), folder)
    for service in SERVICES:
        await run(
            made[service], "CREATE TABLE secrets AS SELECT current_schema || ' 的机密' AS word"
        )
    return made


async def run(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_logs_in_as_itself_and_works_in_its_own_schema(
    dsns: dict[str, str], service: str
) -> None:
    assert await run(dsns[service], "SELECT current_user") == f"pharos_{service}"
    assert await run(dsns[service], "SELECT current_schema") == service
    assert await run(dsns[service], "SHOW search_path") == service
    assert await run(dsns[service], "SELECT word FROM secrets") == f"{service} 的机密"


@pytest.mark.parametrize(("reader", "owner"), list(itertools.permutations(SERVICES, 2)))
async def test_no_service_reads_or_writes_the_schema_of_another(
    dsns: dict[str, str], reader: str, owner: str
) -> None:
    for query in (
        "SELECT word FROM OWNER.secrets",
        "INSERT INTO OWNER.secrets VALUES ('x')",
        "CREATE TABLE OWNER.intruder ()",
        "SET ROLE pharos_OWNER",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(dsns[reader], query.replace("OWNER", owner))


@pytest.mark.parametrize(
    "query",
    [
        "CREATE TABLE public.mine ()",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine ()",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "SELECT pg_read_file('postmaster.pid')",
        "SELECT rolpassword FROM pg_authid",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
async def test_a_service_can_do_nothing_outside_its_schema(
    dsns: dict[str, str], query: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(dsns["pipeline"], query)


async def test_a_stranger_cannot_even_connect(
    server: EmbeddedPostgres, dsns: dict[str, str]
) -> None:
    assert dsns
    await run(server.dsn("postgres"), "CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(server.dsn("pharos", "stranger", "stranger"))


async def test_doing_it_again_changes_nothing(
    server: EmbeddedPostgres, dsns: dict[str, str], folder: Path
) -> None:
    assert await provision(server.dsn("postgres"), folder) == dsns
    assert await run(dsns["targets"], "SELECT count(*) FROM secrets") == 1


async def test_lost_passwords_are_replaced(
    server: EmbeddedPostgres, dsns: dict[str, str], folder: Path
) -> None:
    kept = folder / "roles.json"
    saved = kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.unlink()
    renewed = await provision(server.dsn("postgres"), folder)
    assert not set(renewed.values()) & set(dsns.values())
    assert await run(renewed["knowledge"], "SELECT word FROM secrets") == "knowledge 的机密"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsns["knowledge"])
    kept.write_text(saved)
    await provision(server.dsn("postgres"), folder)


async def test_an_administrator_that_is_no_superuser_is_enough(
    server: EmbeddedPostgres, dsns: dict[str, str], folder: Path
) -> None:
    assert dsns
    await run(
        server.dsn("postgres"),
        "CREATE ROLE installer LOGIN CREATEDB CREATEROLE PASSWORD 'installer'",
    )
    for service in SERVICES:
        await run(server.dsn("postgres"), f"GRANT pharos_{service} TO installer WITH ADMIN OPTION")
    dsn = server.dsn("postgres", "installer", "installer")
    made = await provision(dsn, folder, database="another")
    assert await run(made["targets"], "SELECT current_schema") == "targets"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(made["targets"], "CREATE TABLE pipeline.intruder ()")


async def test_the_name_of_a_database_is_quoted(
    server: EmbeddedPostgres, dsns: dict[str, str], folder: Path
) -> None:
    assert dsns
    name = 'odd "name; --'
    made = await provision(server.dsn("postgres"), folder, database=name)
    assert await run(made["targets"], "SELECT current_database()") == name


@pytest.mark.parametrize("locale", ["C", "POSIX"])
async def test_a_database_that_finds_no_chinese_is_refused(
    server: EmbeddedPostgres, folder: Path, locale: str
) -> None:
    name = f"without_{locale.lower()}"
    await run(
        server.dsn("postgres"),
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE '{locale}'",
    )
    with pytest.raises(DatabaseUnfit, match="does not find Chinese text"):
        await provision(server.dsn("postgres"), folder, database=name)


async def test_another_locale_that_finds_chinese_is_welcome(
    server: EmbeddedPostgres, folder: Path
) -> None:
    await run(
        server.dsn("postgres"),
        "CREATE DATABASE builtin TEMPLATE template0 ENCODING 'UTF8' "
        "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'",
    )
    made = await provision(server.dsn("postgres"), folder, database="builtin")
    assert await run(made["targets"], "SELECT '商机' ~ '^[[:alpha:]]+$'") is True


def test_the_rest_of_an_address_stays_as_it_is() -> None:
    given = "postgresql://me:old@db.example:5433/postgres?sslmode=require&user=x&dbname=y"
    assert with_database(given, "pharos") == (
        "postgresql://me:old@db.example:5433/pharos?sslmode=require&user=x"
    )
    assert with_user(given, "pharos", "pharos_targets", "p@ss") == (
        "postgresql://pharos_targets:p%40ss@db.example:5433/pharos?sslmode=require"
    )
