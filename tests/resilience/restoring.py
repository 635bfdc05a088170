"""Backup and restore as an operator does them: dumps of schemas, played into a fresh cluster."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.installation import SERVICES
from deploy.local.account import unprivileged_account
from deploy.local.place import make_folder
from deploy.local.postgres import EmbeddedPostgres, find_binaries
from deploy.local.provision import DATABASE, provision
from deploy.local.stack import Stack

Backup = Mapping[str, Path]
"""A dump by schema."""

SECONDS_MAX = 60


async def backed_up(stack: Stack, folder: Path, name: str) -> Backup:
    """Dump every schema of a running stack, one after the other."""
    assert stack.postgres is not None
    dsn = stack.postgres.dsn(DATABASE)
    files = {service: folder / f"{name}-{service}.sql" for service in SERVICES}
    for service, file in files.items():
        await asyncio.to_thread(dump, service, file, dsn)
    return files


async def restored(before: Path, folder: Path, dumps: Backup, *, with_broker: bool) -> None:
    """Make a fresh cluster with these dumps, beside the secrets and the broker of a stopped stack.

    The broker is the old one with all that it holds, or an empty one.
    """
    for kept in ("secrets", *(["nats"] if with_broker else [])):
        await asyncio.to_thread(_copy, before / kept, folder / kept)
    make_folder(folder / "postgres")
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    await asyncio.to_thread(_play, server, folder, dumps)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners: the broker's files are its own when root runs it all."""
    subprocess.run(["cp", "-a", source, target], check=True, timeout=SECONDS_MAX)


def _play(server: EmbeddedPostgres, folder: Path, dumps: Backup) -> None:
    with server:
        asyncio.run(provision(server.dsn("postgres"), folder / "secrets"))
        for service, file in dumps.items():
            restore(service, file, server.dsn(DATABASE))


def dump(service: str, file: Path, dsn: str) -> None:
    """Save a schema, as the runbook says."""
    play("pg_dump", "-n", service, "-f", str(file), dsn)


def restore(service: str, file: Path, dsn: str) -> None:
    """Put what was saved in the place of a schema, as the runbook says."""
    play(
        *("psql", "--quiet", "-o", "/dev/null", "--single-transaction"),
        *("--set", "ON_ERROR_STOP=1", "-c", f"DROP SCHEMA IF EXISTS {service} CASCADE"),
        *("-f", str(file), dsn),
    )


def play(program: str, *words: str) -> None:
    """Run a program of the database's; raises AssertionError with what it said."""
    path = find_binaries(unprivileged_account()) / program
    done = subprocess.run(
        [str(path), *words], check=False, capture_output=True, text=True, timeout=SECONDS_MAX
    )
    assert done.returncode == 0, done.stderr
