"""One process at a time runs a server in a data folder."""

import fcntl
import os
from pathlib import Path
from typing import ClassVar

from deploy.local.errors import FolderInUse


class FolderLock:
    """Held by the process that runs a server in a folder; the kernel frees it when that dies."""

    _held: ClassVar[set[Path]] = set()

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock; FolderInUse, with the holder's process id, when somebody has it."""
        # A record lock: it is not inherited by forked workers, so it cannot outlive us in one.
        # But it does not exclude ourselves either, hence the set.
        if self._path in self._held:
            raise FolderInUse(f"This process already runs a server in {self._path.parent}.")
        number = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(number, 32).decode(errors="replace").strip() or "unknown"
            os.close(number)
            raise FolderInUse(
                f"Process {holder} already runs a server in {self._path.parent}. "
                "Stop it first, or use another data folder."
            ) from None
        os.ftruncate(number, 0)
        os.write(number, str(os.getpid()).encode())
        self._held.add(self._path)
        self._file = number

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._held.discard(self._path)
