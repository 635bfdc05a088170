"""Reading targets."""

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.targets.targets.model import Target
from services.targets.targets.store import to_target
from shared.db import Connection

_LIST: Final[LiteralString] = """
    SELECT id, version, scope, scope_id, metric, period, starts, ends, currency, value
      FROM target
     WHERE id > $1
       AND ($2::text IS NULL OR period = $2)
       AND ($3::uuid IS NULL OR scope_id = $3)
     ORDER BY id
     LIMIT $4
"""


async def listed(
    conn: Connection, after: UUID, period: str | None, scope_id: UUID | None, limit: int
) -> Sequence[Target]:
    """Return targets by id, narrowed by what is given."""
    return [to_target(row) for row in await conn.fetch(_LIST, after, period, scope_id, limit)]
