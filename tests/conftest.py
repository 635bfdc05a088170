"""What holds for every test: our own log speaks only of failures, and servers live in memory."""

import os
import shutil
from pathlib import Path

from deploy.local.place import THROWAWAY_VARIABLE
from shared.logs import configure

MEMORY = Path("/dev/shm")  # noqa: S108 (folders of random names are made in it)
ROOM_BYTES = 8 << 30

configure("error")

# A test that has a database of its own spends most of its time on making the files of it.
if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
    os.environ.setdefault(THROWAWAY_VARIABLE, str(MEMORY))
