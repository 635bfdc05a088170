"""When to try again: the schedule that Standard Webhooks recommends, and what a receiver asks for.

A message is tried ten times in about three days. That is per message; a receiver that fails is
besides left alone for a while between any two messages, so that none of them is used up in vain.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from shared import clock

DELAYS: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after the try before; the first is made at once."""
WAIT_MAX: Final = timedelta(hours=24)
PAUSE_MAX: Final = timedelta(minutes=1)
THROTTLES: Final = frozenset({429, 502, 503, 504})
THROTTLED: Final = timedelta(seconds=5)


def next_try(tries: int, now: datetime, wait: timedelta | None) -> datetime | None:
    """Return when a message is tried again after so many tries; None when that was the last.

    ``wait`` is what the receiver asked for: never sooner than that.
    """
    if tries >= len(DELAYS):
        return None
    delay = timedelta(seconds=clock.spread(DELAYS[tries].total_seconds()))
    return now + max(delay, wait or timedelta(0))


def pause(failures: int, status: int | None, wait: timedelta | None) -> timedelta:
    """Return how long a receiver is left alone after so many failed attempts in a row."""
    growing = timedelta(seconds=2 ** min(failures - 1, 6))
    least = THROTTLED if status in THROTTLES else timedelta(0)
    return max(min(growing, PAUSE_MAX), least, wait or timedelta(0))


def asked(retry_after: str | None, now: datetime) -> timedelta | None:
    """Return how long a ``Retry-After`` asks to wait, at most a day; None for none or nonsense."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), WAIT_MAX)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), WAIT_MAX)
