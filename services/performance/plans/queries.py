"""Reading plans: which there are, and what is in force for whom."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from services.performance.plans.model import Plan, PlanVersion
from services.performance.plans.store import VERSIONS, to_plan, to_version
from shared.auth.scope import Member, Owned, Through
from shared.db import Connection, Row, columns
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.ids import External
from shared.lists.listing import Listing, OfMany
from shared.period import Period
from shared.sql import Condition, anything

_SELECT: Final[LiteralString] = """
    SELECT p.id, p.version, p.name, p.external_source, p.external_id
      FROM plan AS p
"""
_IDS_OF: Final[LiteralString] = """
    SELECT p.id, p.external_source, p.external_id
      FROM plan AS p
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON p.external_source = wanted.source AND p.external_id = wanted.id
"""
_ASSIGNED: Final[LiteralString] = "SELECT FROM plan_assignment AS pa WHERE pa.plan_id = p.id"
_IN_FORCE: Final[LiteralString] = """
    SELECT w.place, a.plan_id, a.valid_from AS assigned_from, a.valid_to AS assigned_to,
           v.number, v.valid_from, v.currency, v.components
      FROM unnest($1::integer[], $2::uuid[], $3::date[], $4::date[])
           AS w (place, payee_id, starts, ends)
      JOIN plan_assignment AS a
        ON a.payee_id = w.payee_id
       AND a.valid_from < w.ends
       AND (a.valid_to IS NULL OR a.valid_to > w.starts)
      JOIN LATERAL (
        SELECT number, valid_from, currency, components
          FROM plan_version
         WHERE plan_id = a.plan_id AND valid_from <= w.starts
         ORDER BY valid_from DESC
         LIMIT 1) AS v ON true
     ORDER BY w.place, a.plan_id, a.valid_from
"""
_PAID_BY_UNITS: Final[LiteralString] = """
    SELECT DISTINCT w.place, a.payee_id
      FROM unnest($1::integer[], $2::uuid[], $3::date[], $4::date[])
           AS w (place, unit_id, starts, ends)
      JOIN plan_version AS v ON w.unit_id = ANY(v.unit_ids) AND v.valid_from < w.ends
      JOIN plan_assignment AS a
        ON a.plan_id = v.plan_id
       AND a.valid_from < w.ends
       AND (a.valid_to IS NULL OR a.valid_to > w.starts)
"""

OWNED: Final = Owned(Through(_ASSIGNED, Member("pa.payee_id")))
"""A plan is of those who are, were or will be paid by it."""


class PlanNotFound(NotFound):
    """There is no such plan, or it is not the caller's to see."""

    en = "There is no plan {plan_id}."
    zh = "不存在激励方案 {plan_id}。"


@dataclass(frozen=True, slots=True)
class Holding:
    """Who or what is asked about, in which period."""

    id: UUID
    period: Period


@dataclass(frozen=True, slots=True)
class InForce:
    """The version of a plan that pays somebody in a period, and the days on which it does.

    ``place`` is that of the holding that was asked about.
    """

    place: int
    plan_id: UUID
    version: PlanVersion
    spans: tuple[Period, ...]


async def one(conn: Connection, key: UUID | External, scope: Condition = anything) -> Plan:
    """Return a plan within ``scope`` with all its versions; raises PlanNotFound."""
    if isinstance(key, External):
        plan = await PLANS.only(conn, scope, external_source=key.source, external_id=key.id)
    else:
        plan = await PLANS.only(conn, scope, id=key)
    if plan is None:
        raise PlanNotFound(plan_id=key.id if isinstance(key, External) else key)
    return plan


async def _with_versions(conn: Connection, rows: Sequence[Row]) -> Sequence[Plan]:
    versions: defaultdict[UUID, list[Row]] = defaultdict(list)
    for version in await conn.fetch(VERSIONS, [row["id"] for row in rows]):
        versions[version["plan_id"]].append(version)
    return [to_plan(row, versions[row["id"]]) for row in rows]


async def ids_of(conn: Connection, externals: Sequence[External]) -> dict[External, UUID]:
    """Return the ids of the plans of these external ids."""
    sources, ids = [e.source for e in externals], [e.id for e in externals]
    rows = await conn.fetch(_IDS_OF, sources, ids)
    return {External(row["external_source"], row["external_id"]): row["id"] for row in rows}


async def in_force(conn: Connection, payees: Sequence[Holding]) -> Sequence[InForce]:
    """Return what pays these payees in these periods.

    A version holds for a period if it is the last one that starts by the period's first day; the
    spans are the period's days on which the payee is assigned.
    """
    rows = await conn.fetch(_IN_FORCE, *_places(payees))
    versions: dict[tuple[int, UUID], PlanVersion] = {}
    spans: defaultdict[tuple[int, UUID], list[Period]] = defaultdict(list)
    for row in rows:
        period, key = payees[row["place"]].period, (row["place"], row["plan_id"])
        if key not in versions:
            versions[key] = to_version(row)
        start, end = row["assigned_from"], row["assigned_to"] or period.end
        spans[key].append(Period(max(start, period.start), min(end, period.end)))
    return [InForce(*key, version, tuple(spans[key])) for key, version in versions.items()]


async def paid_by_units(conn: Connection, units: Sequence[Holding]) -> Sequence[tuple[int, UUID]]:
    """Return (place, payee) for all who may be paid on these units in these periods."""
    rows = await conn.fetch(_PAID_BY_UNITS, *_places(units))
    return [(row["place"], row["payee_id"]) for row in rows]


def _places(holdings: Sequence[Holding]) -> tuple[list[object], ...]:
    rows = [
        (place, holding.id, holding.period.start, holding.period.end)
        for place, holding in enumerate(holdings)
    ]
    return columns(rows, 4)


PLANS: Final = Listing(
    select=_SELECT,
    of=OfMany(_with_versions),
    fields={
        "id": Field(Kind.ID, "p.id", sorts=True),
        "name": Field(Kind.TEXT, "p.name", sorts=True),
        "external_source": Field(Kind.TEXT, "p.external_source", nullable=True),
        "external_id": Field(Kind.TEXT, "p.external_id", nullable=True),
    },
)
