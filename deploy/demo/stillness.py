"""Stillness: every consumer at the head of its source, and nothing new for a while."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from deploy.demo.client import Api, DemoFailed
from deploy.installation import SERVICES

LOOK_SECONDS = 0.1
STILL_SECONDS = 0.8
"""Longer than work that was put off lies before it is picked up."""

_WATERMARK = re.compile(
    r'^pharos_\w+_consumer_watermark\{consumer="(?P<consumer>\w+)",partition="\d+",'
    r'source="(?P<source>\w+)"\} (?P<number>\S+)$',
    re.MULTILINE,
)


class Behind(NamedTuple):
    """A consumer that has not read all that its source says."""

    service: str
    consumer: str
    source: str
    number: int
    head: int


async def still(api: Api, seconds: float) -> Mapping[str, int]:
    """Wait until all is still and return the heads of the feeds; raises DemoFailed in time."""
    deadline = time.monotonic() + seconds
    heads, since = await api.heads(SERVICES), time.monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        late = [behind async for behind in _behind(api, heads)]
        now, found = time.monotonic(), await api.heads(SERVICES)
        if late or found != heads:
            heads, since = found, now
        if now - since >= STILL_SECONDS:
            return heads
        if now > deadline:
            raise DemoFailed(
                f"The chain did not come to rest within {seconds:.0f} s; still behind: {late}."
            )


async def _behind(api: Api, heads: Mapping[str, int]) -> AsyncIterator[Behind]:
    for service in SERVICES:
        for consumer, source, number in _watermarks(await api.text(f"/{service}/metrics")):
            if number < heads[source]:
                yield Behind(service, consumer, source, number, heads[source])


def _watermarks(metrics: str) -> Iterator[tuple[str, str, int]]:
    for found in _WATERMARK.finditer(metrics):
        # Prometheus writes whole numbers as 12.0 and large ones as 1.2e+06.
        yield found["consumer"], found["source"], int(Decimal(found["number"]))
