"""Rates: what one caller may ask within a time, and the headers that say what is left of it.

A bucket of tokens per caller, in this process: with several replicas a caller has as many times as
much, and is told what is left of that of the replica that answered. The headers are those of
draft-ietf-httpapi-ratelimit-headers.
"""

import math
from collections import OrderedDict
from typing import Final, NamedTuple

from shared import clock
from shared.auth.principal import Principal
from shared.errors import TooManyRequests

CALLERS_MAX: Final = 10_000
_NAME: Final = '"requests"'


class RateExceeded(TooManyRequests):
    """The caller has asked more often than it may."""

    en = "You may send {limit} requests within {window} s. Go on in {retry_after} s."
    zh = "每 {window} 秒最多发送 {limit} 个请求，请在 {retry_after} 秒后继续。"


class Standing(NamedTuple):
    """What a caller has left, and in how many seconds it has everything again."""

    left: int
    full_in: int
    policy: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the standing as headers of an answer."""
        now = f"{_NAME};r={self.left};t={self.full_in}".encode()
        return [(b"ratelimit-policy", self.policy), (b"ratelimit", now)]


class Rates:
    """The buckets of all callers; those that have asked nothing for longest are forgotten."""

    def __init__(self, limit: int, window_seconds: int) -> None:
        self._limit = limit
        self._window = window_seconds
        self._a_second = limit / window_seconds
        self._policy = f"{_NAME};q={limit};w={window_seconds}".encode()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, principal: Principal) -> tuple[Standing | None, RateExceeded | None]:
        """Count a request; return where the caller stands, and a refusal when it has nothing left.

        Our own services are not counted, and nobody is where the limit is 0.
        """
        if self._limit == 0 or principal.is_own_service:
            return None, None
        now = clock.monotonic()
        level, filled = self._buckets.get(principal.caller, (float(self._limit), now))
        level = min(self._limit, level + (now - filled) * self._a_second)
        refusal = None
        if level >= 1:
            level -= 1
        else:
            seconds = math.ceil((1 - level) / self._a_second)
            refusal = RateExceeded(
                limit=self._limit, window=self._window, retry_after=max(1, seconds)
            )
        self._keep(principal.caller, level, now)
        full_in = math.ceil((self._limit - level) / self._a_second)
        return Standing(int(level), full_in, self._policy), refusal

    def _keep(self, caller: str, level: float, now: float) -> None:
        self._buckets[caller] = level, now
        self._buckets.move_to_end(caller)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
