"""Tools that only npm has, in exact versions and in a cache folder; without npm the test is left.

No lock file: it would name a registry. Nothing that a package would run at its installation is run.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

PACKAGES: Mapping[str, str] = {
    "@asyncapi/parser": "3.6.3",
    "@redocly/cli": "2.77.0",
    "openapi-typescript": "7.13.0",
    "typescript": "5.9.3",
}
_SECONDS_MAX = 240


@cache
def tools() -> Path:
    """Return the folder that has the packages; skips the test where there is no way to get them."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed here")
    wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    folder = caches / "pharos-node" / digest
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "guard").open("w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # tests run side by side
        if not (folder / "complete").exists():
            _install(npm, wanted, folder)
            (folder / "complete").touch()
    return folder


def _install(npm: str, wanted: list[str], folder: Path) -> None:
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    try:
        done = subprocess.run(
            [npm, "install", "--prefix", str(folder), *quiet, *wanted],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not get {', '.join(wanted)} in time")
    if done.returncode != 0:
        pytest.skip(f"npm could not get {', '.join(wanted)}: {done.stderr[-300:]}")


def run(tool: str, *arguments: str, folder: Path) -> str:
    """Run a tool in a folder and return what it says; fails the test when the tool does."""
    return _run([str(tools() / "node_modules" / ".bin" / tool), *arguments], folder)


def run_script(script: Path, *arguments: str) -> str:
    """Run a script of ours with the packages at hand; fails the test when the script does."""
    return _run(["node", str(script), *arguments], script.parent)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS_MAX,
        env={
            **os.environ,
            "NO_COLOR": "1",
            "REDOCLY_TELEMETRY": "off",
            "CI": "true",
            "NODE_PATH": str(tools() / "node_modules"),
        },
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
