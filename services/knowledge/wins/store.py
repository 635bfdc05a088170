"""Counted wins in the database."""

from collections.abc import Mapping
from typing import Final, LiteralString

from shared.db import Connection, columns

_ADD: Final[LiteralString] = """
    INSERT INTO win_count AS w (period, partition, deals)
    SELECT added.period, added.partition, added.deals
      FROM unnest($1::text[], $2::smallint[], $3::bigint[]) AS added (period, partition, deals)
     ORDER BY added.period, added.partition
    ON CONFLICT (period, partition) DO UPDATE SET deals = w.deals + excluded.deals
"""
_CLEAR: Final[LiteralString] = """
    DELETE FROM win_count
"""


async def clear(conn: Connection) -> None:
    """Take all counts away, to count anew."""
    await conn.execute(_CLEAR)


async def add_many(conn: Connection, deals: Mapping[tuple[str, int], int]) -> None:
    """Add to the counts of periods and partitions."""
    rows = [(*place, count) for place, count in deals.items() if count]
    if rows:
        await conn.execute(_ADD, *columns(rows, 3))
