"""Foreground children of this process: started with a death signal, stopped with patience."""

import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from deploy.local.account import Account
from deploy.local.errors import EmbeddedError, ServerDied

LOG_BYTES_MAX = 16 * 1024 * 1024
"""A log that has grown beyond this is set aside (one generation) when its server starts."""

STOPPING: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)
"""Signals to send in turn, each with the seconds it gets; SIGKILL follows by itself."""

# Runs between fork and the real program, in an interpreter of its own: Popen's preexec_fn may
# deadlock in a process with threads. It is given as text and imports before it drops privileges,
# so the unprivileged account need not be able to read the interpreter or this checkout.
# The order matters: a change of credentials clears the death signal, so that is set after it; and
# a parent that died before the signal was set is noticed by its absence. The interpreter itself
# runs in our environment, which it may need to find its libraries; the child gets only its own.
_LAUNCH = """
import ctypes, json, os, sys
parent, death_signal, uid, gid = map(int, sys.argv[1:5])
libc = ctypes.CDLL(None, use_errno=True)
if uid >= 0:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if libc.prctl(1, death_signal, 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_PDEATHSIG): " + os.strerror(ctypes.get_errno()))
if os.getppid() != parent:
    sys.exit("the parent has gone")
os.execve(sys.argv[5], sys.argv[5:], json.loads(os.environ["CHILD_ENVIRONMENT"]))
"""


class _Spawner:
    """The one thread that starts children; it lives as long as the process.

    The kernel sends the death signal when the *thread* that forked ends, not the process: a child
    started from a worker thread (``asyncio.to_thread``) would die with that thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._queue: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ] = queue.SimpleQueue()

    def spawn(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Run ``start`` on the lasting thread; return or raise what it does."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._queue = os.getpid(), queue.SimpleQueue()
                threading.Thread(target=self._serve, name="spawner", daemon=True).start()
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._queue.put((start, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            start, answer = self._queue.get()
            try:
                answer.set_result(start())
            except BaseException as error:
                answer.set_exception(error)


_spawner = _Spawner()


@dataclass
class Child:
    """One foreground child process. Its output goes to ``log``, which is appended to.

    ``environment`` is all that the child gets, nothing is inherited. When this process dies, in
    whatever way, the child receives ``death_signal`` from the kernel.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    account: Account | None = None
    death_signal: signal.Signals = signal.SIGKILL
    stopping: Sequence[tuple[signal.Signals, float]] = STOPPING
    folder: Path = Path("/")
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _log_start: int = field(default=0, init=False)

    @property
    def pid(self) -> int:
        """Process id; EmbeddedError before the start."""
        if self._process is None:
            raise EmbeddedError(f"{self.name} has not been started.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def succeeded(self) -> bool:
        """Whether the child has ended with exit code 0."""
        return self._process is not None and self._process.poll() == 0

    def start(self) -> None:
        """Start the child and return at once; raises EmbeddedError where it cannot be."""
        if self.running:
            raise EmbeddedError(f"{self.name} is already running.")
        _refuse_other_systems()
        self._log_start = _set_aside_when_large(self.log)
        # A session of its own: Ctrl-C in a terminal reaches the whole foreground group, and the
        # servers would go before the services that use them.
        with _private_log(self.log) as output:
            self._process = _spawner.spawn(
                lambda: subprocess.Popen(
                    self._launch(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    env={**os.environ, "CHILD_ENVIRONMENT": json.dumps(dict(self.environment))},
                    start_new_session=True,
                )
            )

    def _launch(self) -> list[str]:
        uid, gid = (self.account.uid, self.account.gid) if self.account else (-1, -1)
        numbers = [os.getpid(), self.death_signal.value, uid, gid]
        return [sys.executable, "-I", "-S", "-c", _LAUNCH, *map(str, numbers), *self.command]

    def output(self) -> str:
        """Return what the child has written since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def check(self) -> None:
        """Raise ServerDied, with the end of the log, if the child is not running."""
        if not self.running:
            raise ServerDied(self.obituary())

    def obituary(self) -> str:
        """Return how the child ended, the end of its log, and where the rest is."""
        code = self._process.poll() if self._process else None
        last = "\n".join(f"  {line}" for line in self.output().splitlines()[-8:])
        return f"{self.name} ended ({_in_words(code)}). The end of {self.log}:\n{last}"

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the child has ended; False when ``seconds`` were not enough."""
        try:
            if self._process is not None:
                self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Send the stopping signals in turn, each with its bounded wait, at last SIGKILL."""
        if self._process is None:
            return
        for signal_number, seconds in self.stopping:
            self._process.send_signal(signal_number)
            if self.wait(seconds):
                return
        self.kill()

    def kill(self) -> None:
        """End the child at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _private_log(path: Path) -> BinaryIO:
    """Open for appending; statements and addresses in a log are nobody else's business (0600)."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _set_aside_when_large(log: Path) -> int:
    """Return the size of the log, which is where the next output begins."""
    size = log.stat().st_size if log.exists() else 0
    if size <= LOG_BYTES_MAX:
        return size
    log.replace(log.with_name(log.name + ".1"))
    return 0


def _refuse_other_systems() -> None:
    if not hasattr(ctypes.CDLL(None), "prctl"):
        raise EmbeddedError(
            "The embedded servers need Linux: only there do they surely end with their parent. "
            "Use `docker compose up`, or give PHAROS_DATABASE_ADMIN_URL and PHAROS_NATS_URL."
        )


def _in_words(code: int | None) -> str:
    if code is None:
        return "never started"
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
