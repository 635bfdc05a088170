"""Resident memory of each service's process, after it has worked."""

import asyncio
import time
from collections.abc import Sequence

from deploy.installation import SERVICES
from shared.db import Connection
from tests.performance.figures import LOWER, Expectation, Figure
from tests.performance.installation import Installation
from tests.performance.processes import resident_megabytes

MEGABYTES_MAX = 130
WAIT_SECONDS_MAX = 15
LOOK_SECONDS = 0.25

_HEAD = "SELECT head FROM pipeline.relay WHERE partition = 0"
_BEHIND = """
    SELECT min(number) FROM (
        SELECT number FROM targets.watermark WHERE source = 'pipeline'
         UNION ALL
        SELECT number FROM performance.watermark WHERE source = 'pipeline'
         UNION ALL
        SELECT number FROM knowledge.watermark WHERE source = 'pipeline') AS marks
"""


async def measure(installation: Installation) -> Sequence[Figure]:
    """Return the memory of each service; those that only listened get time to catch up."""
    await installation.start(*(name for name in SERVICES if not installation.runs(name)))
    async with installation.administrator() as conn:
        left = await _caught_up(conn)
    note = f"while it is {left:,} events behind" if left else "after the load"
    return [
        Figure(
            f"resident memory, {name}",
            "MB",
            resident_megabytes(installation.pid(name)),
            expected=Expectation(LOWER, MEGABYTES_MAX),
            note=note,
        )
        for name in SERVICES
    ]


async def _caught_up(conn: Connection) -> int:
    """Wait until every consumer of deals is at the head, within bounds; return what is left."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        left: int = await conn.fetchval(_HEAD) - (await conn.fetchval(_BEHIND) or 0)
        if left <= 0 or time.monotonic() > deadline:
            return left
        await asyncio.sleep(LOOK_SECONDS)
