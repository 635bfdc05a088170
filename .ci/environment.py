"""Build the virtual environment from requirements-dev.lock.

Run by the Makefile with a bare Python: standard library only, nothing to install first. A
half-made environment is simply made anew; two builds at once wait for each other.
"""

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 11)
LOCK = "requirements-dev.lock"
ENVIRONMENT = Path(".venv")


def pip(*arguments: str) -> None:
    """Run the environment's own pip, which says only what went wrong."""
    subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "-qq", *arguments], check=True
    )


def install_locked(stamp: Path) -> None:
    """Make the environment from nothing, exactly as locked; the stamp is set last."""
    venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=True)
    pip("install", "--require-hashes", "--no-deps", "--requirement", LOCK)
    stamp.touch()


def install_project(stamp: Path) -> None:
    """Install Pharos itself in place, with the locked build backend."""
    for other in ENVIRONMENT.glob(".locked-*-*"):
        other.unlink()
    pip("install", "--no-build-isolation", "--no-deps", "--editable", ".")
    stamp.touch()


def main(locked: Path, ready: Path) -> None:
    """Bring both stamps into being; what is there already is not done again."""
    with Path(".venv.lock").open("w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not locked.exists() or not (ENVIRONMENT / "bin" / "python").exists():
            print("Building .venv from", LOCK, "(once; about a minute)", flush=True)
            install_locked(locked)
        if not ready.exists():
            install_project(ready)


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit(
            f"Pharos needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and this is "
            f"{sys.version.split()[0]} ({sys.executable}).\n"
            "Name a newer one: make PYTHON=/path/to/python3.11"
        )
    os.chdir(Path(__file__).resolve().parent.parent)
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except subprocess.CalledProcessError as failed:
        sys.exit(f"pip stopped with status {failed.returncode}; run make again to start afresh.")
