"""What the embedded servers have in common: a folder of their own, a port, a start, a stop."""

import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from deploy.local.account import Account, unprivileged_account
from deploy.local.errors import EmbeddedError, ServerDied
from deploy.local.lock import FolderLock
from deploy.local.place import Say, settle
from deploy.local.ports import free_port, wait_until_free
from deploy.local.supervisor import Child

_TRIES_SECONDS_MAX = 30.0
_NEWS_EVERY_SECONDS = 10.0


class EmbeddedServer(ABC):
    """A server that runs as a child of this process, at most one in a folder.

    ``port`` None picks a free one, which later starts of this object keep. The calls block; from
    asynchronous code use ``asyncio.to_thread``. ``stop`` may be called from another thread while
    ``start`` still waits, which then gives up.
    """

    NAME: ClassVar[str]

    def __init__(self, folder: Path, port: int | None, say: Say) -> None:
        self.folder = folder.absolute()
        """Where the data is; another folder after the start when root cannot share this one."""
        self._asked_port = port
        self._port = port
        self._say = say
        self._lock: FolderLock | None = None
        self._child: Child | None = None
        self._stopping = threading.Event()
        self._changing = threading.Lock()

    @property
    def port(self) -> int:
        """The TCP port; EmbeddedError before the first start when none was given."""
        if self._port is None:
            raise EmbeddedError(f"{self.NAME} has no port before its first start.")
        return self._port

    @property
    def child(self) -> Child:
        """The server process; EmbeddedError while it is not started."""
        child = self._child
        if child is None:
            raise EmbeddedError(f"{self.NAME} is not started.")
        return child

    def start(self) -> None:
        """Start the server and return when it takes connections, however long it reads its data.

        Raises FolderInUse when another process runs a server here, BinariesMissing when there is
        no program, ServerDied with the end of its log when it does not come up.
        """
        if self._child is not None:
            raise EmbeddedError(f"{self.NAME} is already started.")
        self._stopping.clear()
        account = unprivileged_account()
        self.folder = settle(self.folder, account, self._say)
        lock = FolderLock(self.folder / "lock")
        lock.acquire()
        self._lock = lock
        try:
            self._prepare(account)
            self._bring_up(account)
        except BaseException:
            self.stop()
            raise

    def _bring_up(self, account: Account | None) -> None:
        deadline = time.monotonic() + _TRIES_SECONDS_MAX
        while True:
            child = self._start_child(account)
            try:
                self._await_ready(child)
            except ServerDied:
                self._refuse_if_stopped()
                if not self._passes(child.output()) or time.monotonic() > deadline:
                    raise
                self._stopping.wait(0.2)
            else:
                return

    def _start_child(self, account: Account | None) -> Child:
        if self._port is None:
            self._port = free_port()
        wait_until_free(self._port)
        child = self._make_child(account)
        with self._changing:
            self._refuse_if_stopped()
            self._child = child
            child.start()
        return child

    def _await_ready(self, child: Child) -> None:
        """Wait without a cap: only the end of the server or ``stop`` ends the wait."""
        began = told = time.monotonic()
        ready = False
        while not ready:
            ready = self._is_ready(child)
            child.check()
            self._refuse_if_stopped()
            doing = self._doing(child)
            if time.monotonic() - told > _NEWS_EVERY_SECONDS:
                told = time.monotonic()
                self._say(f"{self.NAME} is still {doing}, {told - began:.0f} s so far")
            self._stopping.wait(0 if ready else 0.02)

    def _refuse_if_stopped(self) -> None:
        if self._stopping.is_set():
            raise EmbeddedError(f"{self.NAME} was stopped while it started.")

    def _passes(self, output: str) -> bool:
        """Whether the server failed for a reason that passes; a port of our choice is replaced."""
        if "address already in use" in output.lower():
            self._port = self._asked_port
            return True
        return False

    def stop(self) -> None:
        """Stop the server, politely, then less so, within bounds; a stopped one stays so."""
        self._stopping.set()
        with self._changing:
            if self._child is not None:
                self._child.stop()
                self._child = None
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    @abstractmethod
    def _prepare(self, account: Account | None) -> None:
        """Find the programs and clear up after an earlier server; the folder is ours by now."""

    @abstractmethod
    def _make_child(self, account: Account | None) -> Child:
        """Write the settings for ``self.port`` and return the child to start."""

    @abstractmethod
    def _is_ready(self, child: Child) -> bool:
        """Whether this very child takes connections."""

    @abstractmethod
    def _doing(self, child: Child) -> str:
        """Return in a word or two what the starting server is busy with."""

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
