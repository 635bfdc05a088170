"""The record of repairs and rebuilds: what was corrected, why, when and by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.context import Context
from shared.db import Connection
from shared.events.snapshot import Stretch
from shared.events.watermark import Watermark
from shared.ids import new_id

REBUILT: Final = "rebuilt from "
"""How the reason of a rebuild begins: nothing was corrected, all was derived anew."""

_NOTE: Final[LiteralString] = """
    INSERT INTO repair (
        id, consumer, source, partition, subjects_after, subjects_to, number, event_id,
        corrected, discarded, reason, repaired_at, repaired_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_LIST: Final[LiteralString] = """
    SELECT id, consumer, source, partition, number, corrected, discarded, reason, repaired_at,
           repaired_by
      FROM repair
     WHERE id > $1
     ORDER BY id
     LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Repair:
    """A step of a repair as it is kept on record."""

    id: UUID
    consumer: str
    source: str
    partition: int
    number: int
    corrected: int
    discarded: int
    reason: str
    repaired_at: datetime
    repaired_by: str


async def note(
    conn: Connection,
    ctx: Context,
    mark: Watermark,
    stretch: Stretch,
    reason: str,
    *,
    corrected: int,
    discarded: int,
) -> None:
    """Put a step on record, in its transaction."""
    await conn.execute(
        _NOTE,
        new_id(),
        *mark.labels,
        stretch.after,
        stretch.last,
        stretch.tip.number,
        stretch.tip.event_id,
        corrected,
        discarded,
        reason,
        ctx.now,
        ctx.actor,
    )


async def listed(conn: Connection, after: UUID, limit: int) -> Sequence[Repair]:
    """Return the steps of repairs by id, which is their order."""
    return [Repair(**dict(row)) for row in await conn.fetch(_LIST, after, limit)]
