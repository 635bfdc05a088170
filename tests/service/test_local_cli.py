"""The command line of a single service, as containers use it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with throwaway_folder() as folder, EmbeddedPostgres(folder, durable=False) as started:
        yield started


def pharos(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the command with no other PHAROS variable than these."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("PHAROS_")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**here, "COLUMNS": "200", "NO_COLOR": "1", **variables},
    )


def test_help_names_every_command() -> None:
    answer = pharos("--help")
    assert answer.returncode == 0
    for command in ("serve", "migrate", "run", "verify"):
        assert command in answer.stdout


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_an_unknown_service_is_told_which_there_are(command: str) -> None:
    answer = pharos(command, "商机", PHAROS_DATABASE_URL="postgresql://nowhere/x")
    assert answer.returncode == 2
    assert "targets, pipeline, performance, knowledge" in answer.stderr


def test_missing_and_wrong_settings_are_named_but_not_repeated() -> None:
    answer = pharos(
        "serve",
        "pipeline",
        PHAROS_DATABASE_URL="mysql://user:very-secret@h/x",
        PHAROS_PARTITIONS="0",
    )
    assert answer.returncode == 1
    assert "PHAROS_DATABASE_URL: " in answer.stderr
    assert "PHAROS_PARTITIONS: " in answer.stderr
    assert "PHAROS_CLIENT_SECRET: Field required" in answer.stderr
    assert "very-secret" not in answer.stderr + answer.stdout
    assert "Traceback" not in answer.stderr


def test_migrating_needs_to_know_the_database() -> None:
    answer = pharos("migrate", "pipeline")
    assert answer.returncode == 2
    assert "PHAROS_DATABASE_URL" in answer.stderr


async def test_migrating_makes_the_schema_and_may_be_repeated(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    dsns = await provision(server.dsn("postgres"), tmp_path)
    for _ in range(2):
        answer = pharos("migrate", "pipeline", PHAROS_DATABASE_URL=dsns["pipeline"])
        assert answer.returncode == 0, answer.stderr
    connection = await asyncpg.connect(dsns["pipeline"])
    tables = await connection.fetchval(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'pipeline'"
    )
    await connection.close()
    assert tables > 1
