"""Reading credits: the ledger, and its sums as plans measure them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from services.performance.credits.model import Counted, DealCredit, Entry
from services.performance.credits.store import to_entry
from shared.db import Connection, columns
from shared.money import Money
from shared.period import Period

_LIST: Final[LiteralString] = """
    SELECT id, payee_id, occurred_on, metric, currency, quota_amount, commission_amount,
           fact_id, fact_version, cause_id, source, partition, number, posted_at
      FROM credit
     WHERE payee_id = $1
       AND occurred_on >= $2 AND occurred_on < $3
       AND ($4 = '00000000-0000-0000-0000-000000000000'::uuid
            OR (occurred_on, id) > (
                SELECT occurred_on, id FROM credit WHERE payee_id = $1 AND id = $4))
     ORDER BY occurred_on, id
     LIMIT $5
"""
_SUMS: Final[LiteralString] = """
    SELECT w.place, c.currency, sum(c.commission_amount) AS amount
      FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::date[], $5::date[])
           AS w (place, payee_id, metric, starts, ends)
      JOIN credit AS c
        ON c.payee_id = w.payee_id
       AND c.metric = w.metric
       AND c.occurred_on >= w.starts
       AND c.occurred_on < w.ends
     GROUP BY w.place, c.currency
     ORDER BY w.place, c.currency
"""
_DEALS: Final[LiteralString] = """
    SELECT w.place, c.occurred_on, c.fact_id, c.currency, sum(c.commission_amount) AS amount
      FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::date[], $5::date[])
           AS w (place, payee_id, metric, starts, ends)
      JOIN credit AS c
        ON c.payee_id = w.payee_id
       AND c.metric = w.metric
       AND c.occurred_on >= w.starts
       AND c.occurred_on < w.ends
     GROUP BY w.place, c.occurred_on, c.fact_id, c.currency
    HAVING sum(c.commission_amount) <> 0
     ORDER BY w.place, c.occurred_on, c.fact_id, c.currency
"""
_DAYS: Final[LiteralString] = """
    SELECT c.payee_id, array_agg(DISTINCT c.occurred_on) AS days
      FROM unnest($1::uuid[], $2::date[]) AS w (payee_id, since)
      JOIN credit AS c ON c.payee_id = w.payee_id AND c.occurred_on >= w.since
     GROUP BY c.payee_id
"""


async def listed(
    conn: Connection, payee_id: UUID, period: Period, after: UUID, limit: int
) -> Sequence[Entry]:
    """Return the entries of a payee and period by the day on which they count, behind one's id."""
    rows = await conn.fetch(_LIST, payee_id, period.start, period.end, after, limit)
    return [to_entry(row) for row in rows]


async def sums(conn: Connection, counted: Sequence[Counted]) -> Mapping[int, Sequence[Money]]:
    """Return by place what the commission credits add up to, an amount per currency.

    A place without any entry is missing; one whose entries cancel out is there with zero.
    """
    found: defaultdict[int, list[Money]] = defaultdict(list)
    for row in await conn.fetch(_SUMS, *_columns(counted)):
        found[row["place"]].append(Money(row["amount"], row["currency"]))
    return found


async def deals(conn: Connection, counted: Sequence[Counted]) -> Mapping[int, Sequence[DealCredit]]:
    """Return by place the deals behind the sums, by day and deal; cancelled ones are left out."""
    found: defaultdict[int, list[DealCredit]] = defaultdict(list)
    for row in await conn.fetch(_DEALS, *_columns(counted)):
        amount = Money(row["amount"], row["currency"])
        found[row["place"]].append(DealCredit(row["fact_id"], row["occurred_on"], amount))
    return found


async def days(conn: Connection, since: Mapping[UUID, date]) -> Mapping[UUID, Sequence[date]]:
    """Return the days from a day on that hold credits, by payee; who has none is left out."""
    rows = await conn.fetch(_DAYS, list(since), list(since.values()))
    return {row["payee_id"]: row["days"] for row in rows}


def _columns(counted: Sequence[Counted]) -> tuple[list[object], ...]:
    rows = [
        (wish.place, wish.payee_id, wish.metric.value, wish.span.start, wish.span.end)
        for wish in counted
    ]
    return columns(rows, 5)
