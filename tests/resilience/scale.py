"""How much is tried: a short selection by ``make test``, everything by ``make chaos``."""

import os
from typing import Final, TypeVar

T = TypeVar("T")

FULL: Final = os.environ.get("PHAROS_CHAOS") == "full"


def scaled(short: T, full: T) -> T:
    """Return a count or the cases: ``make test`` gets the first, ``make chaos`` the second."""
    return full if FULL else short
