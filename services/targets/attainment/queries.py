"""Reading attainment: lists, one, and the entries that explain a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, LiteralString
from uuid import UUID

from services.targets.attainment.model import Moved
from services.targets.attainment.store import to_moved
from shared.auth.scope import MemberOrUnit, Owned
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection, Row
from shared.directory import trees
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.listing import Listing
from shared.ratio import Ratio
from shared.sql import Condition, anything

# A value for each attainment as a whole: what its partitions add up to, held against its target.
_TOTALS: Final[LiteralString] = """
    SELECT a.id, a.scope, a.scope_id, a.metric, a.period, a.starts, a.ends, a.currency, a.actual,
           a.deals, t.id AS target_id, t.version AS target_version, t.value
      FROM (
        SELECT id, scope, scope_id, metric, period, starts, ends, currency,
               sum(actual) AS actual, sum(deals)::bigint AS deals
          FROM attainment
         GROUP BY id, scope, scope_id, metric, period, starts, ends, currency) AS a
      LEFT JOIN target AS t ON t.attainment_id = a.id
"""
_TARGETED: Final[LiteralString] = """
    SELECT t.attainment_id, t.id, t.version, t.scope, t.scope_id, t.metric, t.period,
           t.currency, t.value,
           (SELECT sum(a.actual) FROM attainment AS a WHERE a.id = t.attainment_id) AS actual
      FROM target AS t
     WHERE t.attainment_id = ANY($1::uuid[])
"""
_ENTRIES: Final[LiteralString] = """
    SELECT e.cause_id, e.fact_id, e.fact_version, e.amount, e.deals, e.source, e.partition,
           e.number, e.posted_at
      FROM attainment_entry AS e
"""
_ALL_TARGETED: Final[LiteralString] = """
    SELECT attainment_id FROM target WHERE attainment_id > $1 ORDER BY attainment_id LIMIT $2
"""

_PLACES: Final[LiteralString] = """
    SELECT id, partition, actual, version
      FROM attainment
     WHERE id = ANY($1::uuid[])
     ORDER BY id, partition
"""

_MARKED: Final[LiteralString] = """
    SELECT (SELECT count(*) FROM repost) + (SELECT count(*) FROM reorganisation)
"""


class AttainmentNotFound(NotFound):
    """Nothing was ever achieved or aimed at under that id."""

    en = "There is no attainment {attainment_id}."
    zh = "不存在达成记录 {attainment_id}。"


@dataclass(frozen=True, slots=True)
class TargetValue:
    """The target that an attainment is held against."""

    id: UUID
    version: int
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Attainment:
    """The actual of a metric for a scope and period, and its share of the target.

    ``ratio`` is None without a target or with one of zero: nothing is divided by zero.
    """

    id: UUID
    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    starts: date
    ends: date
    currency: str
    actual: Decimal
    deals: int
    target: TargetValue | None

    @property
    def ratio(self) -> Ratio | None:
        """Return actual ÷ target with six digits, rounded half-even."""
        if self.target is None or self.target.value is None:
            return None
        return Ratio.of(self.actual, self.target.value)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One entry of the ledger, as it explains a number."""

    cause_id: UUID
    fact_id: UUID
    fact_version: int
    amount: Decimal
    deals: int
    source: str
    partition: int
    number: int
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Targeted:
    """A target as it is told when its attainment moves; ``actual`` sums all partitions."""

    attainment_id: UUID
    id: UUID
    version: int
    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    currency: str
    value: Decimal | None
    actual: Decimal


async def one(conn: Connection, attainment_id: UUID, scope: Condition = anything) -> Attainment:
    """Return an attainment within ``scope``; raises AttainmentNotFound."""
    found = await ATTAINMENTS.only(conn, scope, id=attainment_id)
    if found is None:
        raise AttainmentNotFound(attainment_id=attainment_id)
    return found


async def targeted(conn: Connection, attainments: Sequence[UUID]) -> Sequence[Targeted]:
    """Return the targets of these attainments, those without one left out."""
    return [_targeted(row) for row in await conn.fetch(_TARGETED, attainments)]


async def totals(conn: Connection, attainments: Sequence[UUID]) -> Sequence[Moved]:
    """Return the running totals of these attainments, by partition."""
    return [to_moved(row) for row in await conn.fetch(_PLACES, attainments)]


async def marked(conn: Connection) -> int:
    """Return how many facts and attainments wait for the changed organisation."""
    found: int = await conn.fetchval(_MARKED)
    return found


def _attainment(row: Row) -> Attainment:
    target = None
    if row["target_id"] is not None:
        target = TargetValue(row["target_id"], row["target_version"], row["value"])
    return Attainment(
        id=row["id"],
        scope=ScopeKind(row["scope"]),
        scope_id=row["scope_id"],
        metric=Metric(row["metric"]),
        period=row["period"],
        starts=row["starts"],
        ends=row["ends"],
        currency=row["currency"],
        actual=row["actual"],
        deals=row["deals"],
        target=target,
    )


def _explanation(row: Row) -> Explanation:
    return Explanation(**dict(row))


def _targeted(row: Row) -> Targeted:
    return Targeted(
        attainment_id=row["attainment_id"],
        id=row["id"],
        version=row["version"],
        scope=ScopeKind(row["scope"]),
        scope_id=row["scope_id"],
        metric=Metric(row["metric"]),
        period=row["period"],
        currency=row["currency"],
        value=row["value"],
        actual=row["actual"],
    )


async def all_targeted(conn: Connection, after: UUID, limit: int) -> Sequence[UUID]:
    """Return the attainments that have a target, by id, behind one."""
    return [row["attainment_id"] for row in await conn.fetch(_ALL_TARGETED, after, limit)]


ATTAINMENTS: Final = Listing(
    select=_TOTALS,
    of=_attainment,
    fields={
        "id": Field(Kind.ID, "a.id", sorts=True, upwards_only=True),
        "scope": Field(Kind.CHOICE, "a.scope", choices=tuple(ScopeKind)),
        "scope_id": Field(Kind.ID, "a.scope_id", below=trees.units_and_members),
        "metric": Field(Kind.CHOICE, "a.metric", choices=tuple(Metric)),
        "period": Field(Kind.TEXT, "a.period"),
        "starts": Field(Kind.DATE, "a.starts"),
        "ends": Field(Kind.DATE, "a.ends"),
        "currency": Field(Kind.CHOICE, "a.currency"),
        "actual": Field(Kind.DECIMAL, "a.actual"),
        "deals": Field(Kind.INTEGER, "a.deals"),
        "target": Field(Kind.DECIMAL, "t.value", nullable=True, column="value"),
    },
)
OWNED: Final = Owned(MemberOrUnit("a.scope", "a.scope_id"))
"""Entries are of those whose the attainment is that they add up to."""
ENTRIES: Final = Listing(
    select=_ENTRIES,
    of=_explanation,
    key="cause_id",
    fields={
        "attainment_id": Field(Kind.ID, "e.attainment_id"),
        "cause_id": Field(Kind.ID, "e.cause_id", sorts=True),
        "fact_id": Field(Kind.ID, "e.fact_id"),
        "source": Field(Kind.CHOICE, "e.source"),
        "amount": Field(Kind.DECIMAL, "e.amount"),
        "posted_at": Field(Kind.INSTANT, "e.posted_at"),
    },
)
