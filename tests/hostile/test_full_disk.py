"""A disk without room: a clear 503 for who writes, and no help needed once there is room again."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from deploy.serving import load
from shared.migrate import upgrade
from tests.hostile.serving import client, served
from tests.service.conftest import Installation

ACCOUNTS = "/pipeline/v1/accounts"
MEGABYTES = 400
PIECE = b"\0" * 1_000_000
WRITES_MAX = 5_000
LOOKS = 100


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Lend a disk of a few hundred megabytes; skip where nobody may mount one."""
    place = folder / "disk"
    place.mkdir()
    # What PostgreSQL runs as must be able to go in.
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0755", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk, and not everywhere")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
async def tight(installation: Installation) -> AsyncIterator[tuple[Path, httpx.AsyncClient]]:
    """A pipeline whose database is on a small disk: the disk, and a client of the service."""
    with (
        throwaway_folder("pharos-disk-") as folder,
        small_disk(folder) as disk,
        EmbeddedPostgres(disk / "postgres") as postgres,
    ):
        dsns = await provision(postgres.dsn("postgres"), folder)
        await asyncio.to_thread(upgrade, load("pipeline"), dsns["pipeline"])
        settings = {"database_url": dsns["pipeline"], "rate_limit": 0}
        async with served(installation, settings) as server, client(installation, server) as api:
            yield disk, api


def fill(disk: Path) -> Path:
    """Leave no room on a disk; return the file that takes it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(PIECE)
        except OSError:
            pass
    return ballast


async def test_a_full_disk_is_told_and_got_over(tight: tuple[Path, httpx.AsyncClient]) -> None:
    disk, api = tight
    assert (await api.post(ACCOUNTS, json={"name": "东方机械"})).status_code == 201
    ballast = fill(disk)
    refused = await _written_until_refused(api)
    assert refused.status_code == 503, refused.text
    assert refused.json()["code"] == "database_unavailable"
    assert refused.headers["retry-after"]
    ballast.unlink()
    for _ in range(LOOKS):
        answer = await api.post(ACCOUNTS, json={"name": "东方机械"})
        if answer.status_code == 201:
            return
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.1)
    pytest.fail("nothing is written although there is room again")


async def _written_until_refused(api: httpx.AsyncClient) -> httpx.Response:
    """Return the first answer to a write that is no success."""
    for _ in range(WRITES_MAX):
        answer = await api.post(ACCOUNTS, json={"name": "灯塔" * 99})
        if answer.status_code != 201:
            return answer
    raise AssertionError("the disk took everything")
