"""Where embedded servers live: folders that the unprivileged account reaches, private files."""

import hashlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.account import Account, unprivileged_account
from deploy.local.errors import EmbeddedError, FolderUnsafe

THROWAWAY_VARIABLE = "PHAROS_THROWAWAY_FOLDER"
"""Names the folder in which throwaway folders are made, instead of the temp directory."""
ADDRESS = "address"
"""The file in a data folder that says where what runs in it is served, as long as it is."""

Say = Callable[[str], None]
"""Takes one line meant for the person in front of the terminal."""


def say_on_stderr(line: str) -> None:
    """Write one line where a person sees it and a pipe does not take it for data."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def settle(folder: Path, account: Account | None, say: Say = say_on_stderr) -> Path:
    """Make the data folder and return it, or the one in the temp directory used in its place.

    The other one is used only for root, when the unprivileged ``account`` cannot get into
    ``folder`` (a checkout below /root, for instance); its name is derived from the folder's path,
    so the next start finds the same data. Permissions of existing folders are never changed.
    """
    folder = folder.absolute()
    if account is None:
        _make_plain_folder(folder)
        return folder
    make_folder(folder)
    if account.reaches(folder):
        return folder
    other = _temp_home(account) / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    make_folder(other)
    say(f"{folder} cannot be reached by user {account.name}: the data is in {other}")
    return other


def reachable_copy(
    program: Path, parts: tuple[Path, ...], version: str, account: Account | None, say: Say
) -> Path:
    """Return the path of ``program``, which lies in one of ``parts``, for use by ``account``.

    Where the account cannot reach it, the parts (files or folders, kept side by side) are copied
    once per ``version`` into the temp directory. The programs find their libraries by relative
    paths, so the copy keeps the places that the parts have to each other.
    """
    if account is None or account.reaches(program):
        return program
    parts = tuple(part for part in parts if part.exists())
    root = Path(os.path.commonpath([part.parent for part in parts]))
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    target = _temp_home(account) / f"{version}-{name}"
    if not target.exists():
        say(f"{root} cannot be reached by user {account.name}: programs are copied to {target}")
        unfinished = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
        unfinished.chmod(0o755)
        for part in parts:
            _copy(part, unfinished / part.relative_to(root))
        _publish(unfinished, target)
    return target / program.relative_to(root)


def _copy(source: Path, target: Path) -> None:
    make_folder(target.parent)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _publish(unfinished: Path, target: Path) -> None:
    """Give the finished copy its name; another process may have been faster with the same."""
    try:
        unfinished.rename(target)
    except OSError:
        shutil.rmtree(unfinished)
        if not target.exists():
            raise


def _temp_home(account: Account) -> Path:
    """Return our own folder in the first temp directory that the account can enter."""
    for temp in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108
        if not account.reaches(temp):
            continue
        home = temp / f"pharos-{os.getuid()}"
        make_folder(home)
        _refuse_foreign(home)
        return home
    raise EmbeddedError(f"User {account.name} cannot enter any temp directory; set TMPDIR.")


def _refuse_foreign(folder: Path) -> None:
    """In a world-writable directory somebody else may have made this name first."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise FolderUnsafe(
            f"{folder} is not a folder that only you can write to. Remove it, or set TMPDIR."
        )


def _make_plain_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise FolderUnsafe(f"{folder} is in the way: a folder is needed there.") from None


def make_folder(folder: Path) -> None:
    """Make the folder and its missing parents, enterable by all whatever the umask says.

    Folders that are there already are left as they are. What is secret inside has a mode of its
    own; only an unprivileged server needs to pass through.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise FolderUnsafe(f"{folder} is in the way: a folder is needed there.") from None
        return
    folder.chmod(0o755)


def make_private_folder(folder: Path, account: Account | None) -> None:
    """Make a folder (mode 0700) that belongs to the account that a server runs as."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def write_private(path: Path, text: str, owner: Account | None = None) -> None:
    """Write a file that only its owner can read (0600), complete or not at all."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(number, owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(number)
    unfinished.replace(path)


def kept_secret(path: Path) -> str:
    """Return the random secret kept in this file; it is made the first time."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="utf-8")


@contextmanager
def throwaway_folder(prefix: str = "pharos-") -> Iterator[Path]:
    """Give a new folder that servers can live in, for as long as the block lasts.

    Other than ``tempfile.TemporaryDirectory`` it can be entered by the unprivileged account. It is
    made in the temp directory, or in the one that PHAROS_THROWAWAY_FOLDER names.
    """
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=os.environ.get(THROWAWAY_VARIABLE)))
    made.chmod(0o755)
    settled = settle(made, unprivileged_account())
    try:
        yield settled
    finally:
        for folder in {made, settled}:
            shutil.rmtree(folder, ignore_errors=True)
