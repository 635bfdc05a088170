"""The record of repairs and rebuilds: what was corrected, why, when and by whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.context import Context
from shared.db import Connection
from shared.events.snapshot import Stretch
from shared.events.watermark import Watermark
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.ids import new_id
from shared.lists.listing import Listing

REBUILT: Final = "rebuilt from "
"""How the reason of a rebuild begins: nothing was corrected, all was derived anew."""

_NOTE: Final[LiteralString] = """
    INSERT INTO repair (
        id, consumer, source, partition, subjects_after, subjects_to, number, event_id,
        corrected, discarded, reason, repaired_at, repaired_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_LIST: Final[LiteralString] = """
    SELECT r.id, r.consumer, r.source, r.partition, r.number, r.corrected, r.discarded, r.reason,
           r.repaired_at, r.repaired_by
      FROM repair AS r
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


REPAIRS: Final = Listing(
    select=_LIST,
    of=lambda row: Repair(**dict(row)),
    fields={
        "id": Field(Kind.ID, "r.id", sorts=True),
        "consumer": Field(Kind.TEXT, "r.consumer"),
        "source": Field(Kind.TEXT, "r.source"),
        "partition": Field(Kind.INTEGER, "r.partition"),
        "reason": Field(Kind.TEXT, "r.reason"),
        "repaired_at": Field(Kind.INSTANT, "r.repaired_at"),
        "repaired_by": Field(Kind.TEXT, "r.repaired_by"),
    },
)
"""The steps of repairs by id, which is their order."""
