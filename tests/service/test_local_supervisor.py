"""Children end with their parent, whatever kills it, and with nobody else's help."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.account import unprivileged_account
from deploy.local.errors import EmbeddedError, ServerDied
from deploy.local.place import throwaway_folder
from deploy.local.supervisor import Child

ENVIRONMENT = {"PATH": os.defpath}

PARENT = """
import sys, threading, time
from pathlib import Path
from deploy.local.account import unprivileged_account
from deploy.local.supervisor import Child
child = Child("sleep", ["/bin/sleep", "600"], Path(sys.argv[1]), {}, unprivileged_account())
threading.Thread(target=child.start).start()
time.sleep(0.5)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with throwaway_folder() as made:
        yield made


def child(folder: Path, *command: str) -> Child:
    return Child(command[0], command, folder / "log", ENVIRONMENT, unprivileged_account())


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether the process has ended; one that was not yet waited for has no words."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        words = Path(f"/proc/{pid}/cmdline")
        if not words.exists() or words.read_bytes() == b"":
            return True
        time.sleep(0.02)
    return False


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def wait_for(words: str, log: Path) -> None:
    deadline = time.monotonic() + 10
    while words not in (log.read_text() if log.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_ends_when_its_parent_is_killed(folder: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder / "log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        assert status(pid)["Name"] == "sleep"
        parent.kill()
        parent.wait()
    assert gone(pid)


def test_a_child_outlives_the_thread_that_asked_for_it(folder: Path) -> None:
    sleeper = child(folder, "/bin/sleep", "600")
    thread = threading.Thread(target=sleeper.start)
    thread.start()
    thread.join()
    try:
        assert not sleeper.wait(0.5)
    finally:
        sleeper.kill()


def test_a_child_whose_parent_died_before_the_signal_was_set_does_not_start(folder: Path) -> None:
    launch = child(folder, "/bin/echo", "started")._launch()
    stranger = launch.index(str(os.getpid()))
    launch[stranger] = str(os.getpid() + 1)
    answer = subprocess.run(
        launch,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "CHILD_ENVIRONMENT": "{}"},
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "the parent has gone" in answer.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")
def test_root_drops_user_group_and_every_other_group(folder: Path) -> None:
    sleeper = child(folder, "/bin/sleep", "600")
    sleeper.start()
    try:
        deadline = time.monotonic() + 5
        while status(sleeper.pid)["Name"] != "sleep":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        found = status(sleeper.pid)
        assert sleeper.account is not None
        assert set(found["Uid"].split()) == {str(sleeper.account.uid)}
        assert set(found["Gid"].split()) == {str(sleeper.account.gid)}
        assert found["Groups"] == ""
        assert int(found["CapEff"], 16) == 0
    finally:
        sleeper.kill()


def test_a_child_that_ignores_the_polite_signal_is_killed_within_bounds(folder: Path) -> None:
    stubborn = child(folder, "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    stubborn.stopping = ((signal.SIGTERM, 0.3),)
    stubborn.start()
    wait_for("ready", stubborn.log)
    started = time.monotonic()
    stubborn.stop()
    assert 0.3 <= time.monotonic() - started < 3
    assert not stubborn.running


def test_ctrl_c_in_the_terminal_does_not_reach_a_child(folder: Path) -> None:
    sleeper = child(folder, "/bin/sleep", "600")
    sleeper.start()
    try:
        assert os.getsid(sleeper.pid) == sleeper.pid != os.getsid(0)
    finally:
        sleeper.stop()


def test_a_child_inherits_nothing_of_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/somewhere/else")
    printer = child(folder, "/usr/bin/env")
    printer.start()
    assert printer.wait(10)
    assert printer.output().splitlines() == [f"PATH={os.defpath}"]


def test_an_unexpected_end_is_told_with_the_end_of_the_log(folder: Path) -> None:
    failing = child(folder, "/bin/sh", "-c", "echo 无法启动; exit 3")
    failing.start()
    assert failing.wait(10)
    with pytest.raises(ServerDied, match=r"(?s)exit code 3.*无法启动"):
        failing.check()


def test_a_program_that_does_not_exist_is_told_too(folder: Path) -> None:
    missing = child(folder, "/nowhere/program")
    missing.start()
    assert missing.wait(10)
    assert not missing.succeeded
    with pytest.raises(ServerDied, match="No such file"):
        missing.check()


def test_a_running_child_is_not_started_twice(folder: Path) -> None:
    sleeper = child(folder, "/bin/sleep", "600")
    sleeper.start()
    try:
        with pytest.raises(EmbeddedError, match="already running"):
            sleeper.start()
    finally:
        sleeper.stop()


def test_the_output_of_an_earlier_start_is_kept_but_not_taken_for_this_one(folder: Path) -> None:
    speaker = child(folder, "/bin/echo", "one")
    speaker.start()
    assert speaker.wait(10)
    speaker.command = ["/bin/echo", "two"]
    speaker.start()
    assert speaker.wait(10)
    assert speaker.output() == "two\n"
    assert speaker.log.read_text() == "one\ntwo\n"
    assert speaker.log.stat().st_mode & 0o777 == 0o600


def test_a_log_that_has_grown_large_is_set_aside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.supervisor.LOG_BYTES_MAX", 8)
    (folder / "log").write_text("more than eight bytes")
    speaker = child(folder, "/bin/echo", "new")
    speaker.start()
    assert speaker.wait(10)
    assert (folder / "log").read_text() == "new\n"
    assert (folder / "log.1").read_text() == "more than eight bytes"
