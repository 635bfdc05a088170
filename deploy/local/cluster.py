"""The files of an embedded PostgreSQL cluster: made once by initdb, settings at every start."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploy.local.account import Account
from deploy.local.errors import EmbeddedError
from deploy.local.place import kept_secret, make_private_folder, write_private
from deploy.local.supervisor import Child

SUPERUSER = "postgres"

# Nothing of the caller's environment: a PGDATA or PGOPTIONS left there would change the server.
ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}

# The longest path of a unix socket on Linux is 107 bytes.
_SOCKET_BYTES_MAX = 107

_SETTINGS = """\
# Written at every start. For other settings use ALTER SYSTEM.
data_directory = {data}
hba_file = {hba}
ident_file = {ident}
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = {sockets}
max_connections = 100
password_encryption = 'scram-sha-256'
shared_buffers = '128MB'
max_wal_size = '1GB'
wal_compression = on
jit = off
random_page_cost = 1.1
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_startup_progress_interval = '10s'
lc_messages = 'C'
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'ISO, YMD'
"""

_NOT_DURABLE = """\
fsync = off
synchronous_commit = off
full_page_writes = off
"""

_ACCESS = """\
# type  database  user  address       method
local   all       all                 scram-sha-256
host    all       all   127.0.0.1/32  scram-sha-256
"""


class Cluster:
    """The data folder of one server, laid out so that only ``data`` belongs to its account.

    ``data`` (0700, the server's), ``run`` (its socket), ``superuser.password`` (0600, ours),
    ``postgresql.conf`` and ``pg_hba.conf`` (no secrets), ``postgres.log``.
    """

    def __init__(self, folder: Path, binaries: Path, account: Account | None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self._binaries = binaries
        self._account = account

    @property
    def password(self) -> str:
        """The superuser's password; made once."""
        return kept_secret(self.folder / "superuser.password")

    def prepare(self, *, port: int, durable: bool) -> None:
        """Make the cluster unless it is there, and write the settings of this start."""
        if not self.data.exists():
            self._initialise([] if durable else ["--no-sync"])
        sockets = self.folder / "run"
        make_private_folder(sockets, self._account)
        longest = len(os.fsencode(sockets / ".s.PGSQL.65535.lock"))
        settings = _SETTINGS.format(
            data=_quoted(self.data),
            hba=_quoted(self.folder / "pg_hba.conf"),
            ident=_quoted(self.folder / "pg_ident.conf"),
            port=port,
            sockets=_quoted(sockets) if longest <= _SOCKET_BYTES_MAX else "''",
        )
        self._write("postgresql.conf", settings + ("" if durable else _NOT_DURABLE))
        self._write("pg_hba.conf", _ACCESS)
        self._write("pg_ident.conf", "")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

    def command(self) -> list[str]:
        """Return the command line of the server."""
        configuration = self.folder / "postgresql.conf"
        program = self._binaries / "postgres"
        return [str(program), "-D", str(self.data), "-c", f"config_file={configuration}"]

    def _initialise(self, options: list[str]) -> None:
        """Run initdb in a folder beside, so that an interrupted one is never taken for done."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_private_folder(unfinished, self._account)
        password = self.folder / "initdb.password"
        write_private(password, self.password, self._account)
        try:
            self._run_initdb(unfinished, password, options)
        finally:
            password.unlink()
        unfinished.rename(self.data)

    def _run_initdb(self, data: Path, password: Path, options: list[str]) -> None:
        command = [
            *(str(self._binaries / "initdb"), "--pgdata", str(data)),
            *("--username", SUPERUSER, "--pwfile", str(password), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "libc"),
            *("--data-checksums", *options),
        ]
        initdb = Child("initdb", command, self.log, ENVIRONMENT, self._account)
        initdb.start()
        try:
            initdb.wait()
        finally:
            initdb.kill()
        if not initdb.succeeded:
            raise EmbeddedError(initdb.obituary())

    def postmaster(self) -> tuple[int, str] | None:
        """Return process id and status ("starting", "ready", …) from postmaster.pid, if any."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting"
        except (FileNotFoundError, ValueError, IndexError):
            return None

    def running_port(self) -> int | None:
        """Return the TCP port of the server on this folder, None while none takes sessions."""
        found = self.postmaster()
        if found is None or found[1] != "ready" or not self.has_postmaster(found[0]):
            return None
        return int((self.data / "postmaster.pid").read_text().splitlines()[3])

    def forget_postmaster(self) -> None:
        """Remove the postmaster.pid of a server that is gone."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def has_postmaster(self, pid: int) -> bool:
        """Whether that process is a PostgreSQL server on this data folder."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return os.fsencode(self.data) in words


def _quoted(path: Path) -> str:
    """Return the path as a string in PostgreSQL's configuration syntax."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "''") + "'"
