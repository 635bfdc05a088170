"""Whether this service's copy of another's data has all that had been told of it."""

from collections.abc import Sequence

from shared.db import Connection, Database
from shared.events import watermark
from shared.events.feed import FeedClient
from shared.jobs.importer import Copy


class Readiness:
    """Asks the feed of a source for its heads, and the own watermarks whether they are passed."""

    def __init__(self, feed: FeedClient) -> None:
        self._feed = feed

    async def heads(self, database: Database, copy: Copy) -> Sequence[int]:
        """Return the present head of each partition of the source; raises FeedUnavailable."""
        heads: list[int] = []
        partitions = 1
        numbers = await database.read(lambda conn: _numbers(conn, copy))
        while len(heads) < partitions:
            after = numbers.get(len(heads), 0)
            page = await self._feed.read(copy.source, len(heads), after, 1)
            partitions = page.partitions
            heads.append(page.head)
        return heads

    async def passed(self, conn: Connection, copy: Copy, heads: Sequence[int]) -> bool:
        """Tell whether the copy has come to all of these heads."""
        numbers = await _numbers(conn, copy)
        return all(numbers.get(partition, 0) >= head for partition, head in enumerate(heads))


async def _numbers(conn: Connection, copy: Copy) -> dict[int, int]:
    """Return how far the copy is, by partition of the source."""
    return {
        mark.partition: position.number
        for mark, position in await watermark.listed(conn)
        if (mark.consumer, mark.source) == (copy.consumer, copy.source)
    }
