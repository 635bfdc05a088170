"""The whole of Pharos on one machine, in one process and in several."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from deploy.installation import SERVICES
from deploy.local.clients import DEMO_CLIENT
from deploy.local.errors import EmbeddedError, FolderInUse
from deploy.local.hosting import Isolated
from deploy.local.nats import EmbeddedNats
from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.stack import Stack

MEMBER = "0192d7a4-5d1c-7c3e-8f00-000000000001"


@pytest.fixture(scope="module", params=[False, True], ids=["one process", "isolated"])
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False, isolated=request.param) as started:
            yield started


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {stack.token(roles=['admin'], subject=MEMBER)}"}
    async with httpx.AsyncClient(
        base_url=stack.base_url, headers=headers, trust_env=False, timeout=30
    ) as client:
        yield client


@pytest.fixture
def folder() -> Iterator[Path]:
    with throwaway_folder() as made:
        yield made


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_is_ready_below_its_name(http: httpx.AsyncClient, service: str) -> None:
    answer = await http.get(f"/{service}/health/ready")
    assert answer.status_code == 200, answer.text
    assert answer.json()["database"] == "connected"


@pytest.mark.parametrize("service", SERVICES)
async def test_the_api_description_of_every_service_says_where_it_is_served(
    http: httpx.AsyncClient, service: str
) -> None:
    document = (await http.get(f"/{service}/v1/openapi.json")).json()
    assert [server["url"] for server in document["servers"]] == [f"/{service}"]
    assert all(path.startswith(("/v1/", "/health/", "/problems")) for path in document["paths"])


async def test_a_write_is_numbered_and_served_by_the_feed_to_one_who_waits(
    http: httpx.AsyncClient,
) -> None:
    began = await http.get("/pipeline/v1/events", params={"after": 0, "limit": 1})
    head = began.json()["head"]
    waiting = asyncio.create_task(
        http.get("/pipeline/v1/events", params={"after": head, "wait": 20})
    )
    await asyncio.sleep(0.3)
    written = await http.put("/pipeline/v1/accounts/by-external/erp/A-1", json={"name": "华为"})
    assert written.status_code == 200, written.text
    answer = await waiting
    assert [event["sequence"] for event in answer.json()["events"]]


async def test_a_poll_longer_than_common_timeouts_is_answered(http: httpx.AsyncClient) -> None:
    head = (await http.get("/targets/v1/events")).json()["head"]
    started = time.monotonic()
    answer = await http.get("/targets/v1/events", params={"after": head, "wait": 7})
    assert answer.status_code == 200
    assert answer.json()["events"] == []
    assert 6.5 < time.monotonic() - started < 12


async def test_the_token_of_the_demo_client_opens_the_services(
    stack: Stack, http: httpx.AsyncClient
) -> None:
    secret = stack.issuer.clients[DEMO_CLIENT].secret
    form = {"grant_type": "client_credentials", "scope": "admin", "subject": MEMBER}
    granted = await http.post("/issuer/token", data=form, auth=(DEMO_CLIENT, secret))
    token = granted.json()["access_token"]
    for service in SERVICES:
        path = f"/{service}/v1/events"
        answer = await http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        answer = await http.get(path, headers={"Authorization": f"Bearer {token}x"})
        assert answer.status_code == 401


async def test_a_service_can_be_stopped_and_started_while_the_others_run(
    stack: Stack, http: httpx.AsyncClient
) -> None:
    await stack.services["knowledge"].stop()
    answer = await http.get("/knowledge/health/live")
    assert answer.status_code == 503
    assert answer.json()["code"] == "service_not_running"
    assert (await http.get("/pipeline/health/live")).status_code == 200
    await stack.services["knowledge"].start()
    assert (await http.get("/knowledge/health/ready")).status_code == 200


async def test_every_service_has_its_own_role_and_secret(stack: Stack) -> None:
    users = {settings.database_url.split("@")[0] for settings in stack.settings.values()}
    secrets = {settings.client_secret.get_secret_value() for settings in stack.settings.values()}
    assert len(users) == len(secrets) == len(SERVICES)
    assert {settings.client_id for settings in stack.settings.values()} == {
        f"pharos-{service}" for service in SERVICES
    }


async def test_the_watch_tells_of_a_service_process_that_was_killed(
    stack: Stack, http: httpx.AsyncClient
) -> None:
    service = stack.services["targets"]
    if not isinstance(service, Isolated):
        return
    assert service.child is not None
    service.child.kill()
    with pytest.raises(EmbeddedError, match="The service targets ended"):
        await asyncio.wait_for(stack.watch(), 5)
    await service.stop()
    await service.start()
    assert (await http.get("/targets/health/ready")).status_code == 200


async def test_a_stack_is_not_started_twice(stack: Stack) -> None:
    with pytest.raises(EmbeddedError, match="already started"):
        await stack.start()
    if stack.postgres is not None:
        with pytest.raises(FolderInUse):
            await Stack(stack.folder, say=lambda _line: None).start()
    assert stack.base_url


async def test_servers_from_outside_beat_the_embedded_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        EmbeddedPostgres(folder / "postgres", durable=False) as postgres,
        EmbeddedNats(folder / "nats") as broker,
    ):
        monkeypatch.setenv("PHAROS_DATABASE_ADMIN_URL", postgres.dsn("postgres"))
        monkeypatch.setenv("PHAROS_NATS_URL", broker.url)
        async with (
            Stack(folder / "data") as stack,
            httpx.AsyncClient(base_url=stack.base_url, trust_env=False) as http,
        ):
            assert stack.postgres is None
            assert stack.nats is None
            answer = await http.get("/pipeline/health/ready")
            assert answer.json()["status"] == "ready"
        assert not (folder / "data" / "postgres").exists()
        assert not (folder / "data" / "nats").exists()


async def test_a_step_that_fails_leaves_nothing_running(folder: Path) -> None:
    before = children_of_this_process()
    stack = Stack(folder, durable=False, settings={"partitions": 0})
    with pytest.raises(ValidationError):
        await stack.start()
    assert children_of_this_process() == before
    with pytest.raises(EmbeddedError, match="not started"):
        stack.token(roles=["admin"])


@pytest.mark.parametrize("seconds", [0, 0.05, 0.3, 0.6, 0.9])
async def test_a_start_that_is_cancelled_leaves_nothing_running(
    folder: Path, seconds: float
) -> None:
    before = children_of_this_process()
    stack = Stack(folder, durable=False)
    starting = asyncio.create_task(stack.start())
    await asyncio.sleep(seconds)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await stack.stop()
    assert children_of_this_process() == before
    async with stack:
        assert children_of_this_process() > before


def test_a_port_in_use_is_told(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = subprocess.run(
            command(folder, "--port", str(port)),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert answer.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in answer.stderr
    assert "Traceback" not in answer.stderr


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", "run", "--data", str(folder), *options]


def parents() -> dict[int, int]:
    """Every process that runs (zombies do not) and its parent."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[0] != "Z":
            found[int(status.parent.name)] = int(words[1])
    return found


def family(pid: int) -> set[int]:
    """All descendants of a process."""
    known, found = parents(), set()
    generation = {pid}
    while generation:
        generation = {child for child, parent in known.items() if parent in generation}
        found |= generation
    return found


def children_of_this_process() -> set[int]:
    """The servers that were started here; what these start themselves comes and goes."""
    this = int(Path("/proc/self").readlink().name)
    return {child for child, parent in parents().items() if parent == this}


def started(folder: Path, *options: str) -> "tuple[subprocess.Popen[str], str]":
    """Start Pharos by its command line; return it with its base URL once it runs."""
    process = subprocess.Popen(
        command(folder, "--port", "0", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"Pharos runs at (http://\S+) ", line):
            return process, found[1]
    raise AssertionError("it did not start")


def until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("options", [(), ("--isolated",)], ids=["one process", "isolated"])
def test_killing_the_runner_leaves_nothing_and_the_next_start_has_the_data(
    folder: Path, options: tuple[str, ...]
) -> None:
    process, base_url = started(folder, *options)
    with process:
        written = write_account(folder, base_url)
        relatives = family(process.pid)
        assert len(relatives) >= (6 if options else 2)
        process.kill()
    assert until(lambda: not relatives & parents().keys(), 10)
    process, base_url = started(folder, *options)
    with process:
        assert write_account(folder, base_url) == written
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(folder: Path, number: signal.Signals) -> None:
    process, _ = started(folder)
    with process:
        relatives = family(process.pid)
        process.send_signal(number)
        assert process.stdout is not None
        assert "Stopped." in process.stdout.read()
        process.wait(30)
    assert process.returncode == 0
    assert not relatives & parents().keys()
    log = (folder / "postgres" / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


def test_the_runner_ends_with_a_word_when_a_server_dies(folder: Path) -> None:
    process, _ = started(folder)
    with process:
        servers = [
            pid
            for pid in family(process.pid)
            if b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        subprocess.run(["/bin/kill", "-9", *map(str, servers)], check=True)
        process.wait(30)
    assert process.returncode == 1


def write_account(folder: Path, base_url: str) -> str:
    """Do as the greeting says: a token by the demo client's secret, then a request."""
    clients = json.loads((folder / "secrets" / "clients.json").read_text())
    with httpx.Client(base_url=base_url, trust_env=False, timeout=30) as http:
        granted = http.post(
            "/issuer/token",
            data={"grant_type": "client_credentials"},
            auth=(DEMO_CLIENT, clients[DEMO_CLIENT]["secret"]),
        )
        answer = http.put(
            "/pipeline/v1/accounts/by-external/erp/A-1",
            json={"name": "华为"},
            headers={"Authorization": f"Bearer {granted.json()['access_token']}"},
        )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])
