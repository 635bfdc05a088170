"""How much is tried: a short selection by ``make test``, everything by ``make chaos``."""

import os
import time
from typing import Final, TypeVar
from zlib import crc32

import pytest

T = TypeVar("T")

FULL: Final = os.environ.get("PHAROS_CHAOS") == "full"
# All workers of a run must agree: the seed is part of the names of the tests.
_RUN: Final = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(time.time_ns()))
SEED: Final = int(os.environ.get("PHAROS_CHAOS_SEED", "0")) or crc32(_RUN.encode()) % 1_000_000
"""Of everything that is thrown at random; set the variable to throw the same again."""

only_in_full = pytest.mark.skipif(not FULL, reason="takes its time: make chaos")


def scaled(short: T, full: T) -> T:
    """Return a count or the cases: ``make test`` gets the first, ``make chaos`` the second."""
    return full if FULL else short
