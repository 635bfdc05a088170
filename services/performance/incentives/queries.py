"""Reading incentives: what the ledger says of them, and whether they wait to be worked out."""

from collections.abc import Mapping
from typing import Final, LiteralString
from uuid import UUID

from services.performance.incentives.model import Backlog, Failure, Key, PayeePeriod
from shared.db import Connection
from shared.money import Money

_POSTED: Final[LiteralString] = """
    SELECT payee_id, period, plan_id, component, currency, sum(amount) AS amount
      FROM incentive_entry
     WHERE payee_id = $1 AND period = $2
     GROUP BY payee_id, period, plan_id, component, currency
"""
_WAITS: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM recalculation WHERE payee_id = $1)
"""

_WAITING: Final[LiteralString] = """
    SELECT count(*) FILTER (WHERE failed_at IS NULL) AS waiting,
           count(*) FILTER (WHERE failed_at IS NOT NULL) AS failed
      FROM recalculation
"""
_FAILURES: Final[LiteralString] = """
    SELECT payee_id, since, failed_at, reason
      FROM recalculation
     WHERE failed_at IS NOT NULL
     ORDER BY failed_at, payee_id
     LIMIT $1
"""


async def backlog(conn: Connection, limit: int) -> Backlog:
    """Return how many payees wait to be worked out, and who could not be."""
    failures = [Failure(**dict(row)) for row in await conn.fetch(_FAILURES, limit)]
    row = await conn.fetchrow(_WAITING)
    return Backlog(row["waiting"], row["failed"], tuple(failures)) if row else Backlog(0, 0, ())


async def waiting(conn: Connection) -> int:
    """Return how many payees wait to be worked out again."""
    row = await conn.fetchrow(_WAITING)
    return row["waiting"] if row else 0


async def failed(conn: Connection) -> int:
    """Return how many payees were set aside because they could not be worked out."""
    row = await conn.fetchrow(_WAITING)
    return row["failed"] if row else 0


async def posted(conn: Connection, owner: PayeePeriod) -> Mapping[Key, Money]:
    """Return what the ledger of a payee and period adds up to, by incentive."""
    return {
        Key(row["payee_id"], row["period"], row["plan_id"], row["component"]): Money(
            row["amount"], row["currency"]
        )
        for row in await conn.fetch(_POSTED, *owner)
    }


async def waits(conn: Connection, payee_id: UUID) -> bool:
    """Return whether a payee is marked to be worked out again."""
    return bool(await conn.fetchval(_WAITS, payee_id))
