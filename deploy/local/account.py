"""The unprivileged account under which servers run when we are root, and what it can reach."""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import EmbeddedError

# Asking the kernel is the only sure answer: it knows access lists, mounts and namespaces. As in
# the supervisor the text is run by an interpreter that is loaded before it drops privileges.
_PROBE = """
import os, sys
uid, gid = map(int, sys.argv[1:3])
os.setgroups([])
os.setgid(gid)
os.setuid(uid)
sys.exit(not all(os.access(path, os.R_OK | os.X_OK) for path in sys.argv[3:]))
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its own group, without any other group."""

    name: str
    uid: int
    gid: int

    def reaches(self, *paths: Path) -> bool:
        """Whether this account can read and enter (or execute) every one of these."""
        return all(map(_readable_and_executable, paths)) and self._asked(paths)

    def _asked(self, paths: Sequence[Path]) -> bool:
        command = [sys.executable, "-I", "-S", "-c", _PROBE, str(self.uid), str(self.gid)]
        asked = subprocess.run([*command, *map(str, paths)], check=False, cwd="/", timeout=60)
        return asked.returncode == 0


def _readable_and_executable(path: Path) -> bool:
    return os.access(path, os.R_OK | os.X_OK)


def unprivileged_account() -> Account | None:
    """Return the account to drop to: None when we are not root, else nobody or daemon."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root and there is neither an account 'nobody' nor 'daemon' "
        "to run it as. Start as an ordinary user, or give PHAROS_DATABASE_ADMIN_URL."
    )
