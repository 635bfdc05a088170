"""Reading counted wins."""

from collections.abc import Mapping
from typing import Final, LiteralString

from shared.db import Connection

_COUNTS: Final[LiteralString] = """
    SELECT period, sum(deals)::bigint AS deals FROM win_count GROUP BY period ORDER BY period
"""


async def counts(conn: Connection) -> Mapping[str, int]:
    """Return the won deals of each quarter that has any history."""
    return {row["period"]: row["deals"] for row in await conn.fetch(_COUNTS)}
