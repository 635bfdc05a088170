"""Reading credits: the ledger, and its sums as plans measure them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, LiteralString
from uuid import UUID

from services.performance.credits.model import Counted, DealCredit
from services.performance.credits.store import to_entry
from shared.auth.scope import Member, Owned
from shared.contracts.targets import Metric
from shared.db import Connection, columns
from shared.directory import trees
from shared.filters.condition import to_condition
from shared.filters.fields import Field
from shared.filters.kinds import Kind, Op
from shared.filters.tree import Comparison, Group
from shared.lists.asked import Order
from shared.lists.listing import Listing
from shared.money import Money
from shared.period import Period
from shared.sql import Condition

_SELECT: Final[LiteralString] = """
    SELECT c.id, c.payee_id, c.occurred_on, c.metric, c.currency, c.quota_amount,
           c.commission_amount, c.fact_id, c.fact_version, c.cause_id, c.source, c.partition,
           c.number, c.posted_at
      FROM credit AS c
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

CREDITS: Final = Listing(
    select=_SELECT,
    of=to_entry,
    order=(Order("occurred_on"),),
    fields={
        "id": Field(Kind.ID, "c.id"),
        "payee_id": Field(Kind.ID, "c.payee_id", below=trees.members),
        "occurred_on": Field(Kind.DATE, "c.occurred_on", sorts=True),
        "metric": Field(Kind.CHOICE, "c.metric", choices=tuple(Metric)),
        "currency": Field(Kind.CHOICE, "c.currency"),
        "fact_id": Field(Kind.ID, "c.fact_id"),
        "cause_id": Field(Kind.ID, "c.cause_id"),
        "source": Field(Kind.CHOICE, "c.source"),
        "number": Field(Kind.INTEGER, "c.number"),
        "posted_at": Field(Kind.INSTANT, "c.posted_at"),
    },
)

OWNED: Final = Owned(Member("c.payee_id"))


def counted_in(days: Period) -> Condition:
    """Return the condition of what counts on one of these days."""
    first = Comparison("occurred_on", Op.GTE, days.start)
    behind = Comparison("occurred_on", Op.LT, days.end)
    return to_condition(Group("and", (first, behind)), CREDITS.fields)


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
