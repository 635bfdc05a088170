"""Every order of every list is read from an index, from wherever a page begins."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest

from shared.db import Connection
from shared.filters.kinds import Kind, Value
from shared.lists.asked import Asked, Order
from shared.lists.listing import Listing
from shared.sql import anything
from tests.architecture.source import sources
from tests.service.conftest import Installation

SOME: Final[dict[Kind, Value]] = {
    Kind.TEXT: "华东",
    Kind.DECIMAL: Decimal("1.50"),
    Kind.INTEGER: 7,
    Kind.DATE: date(2025, 3, 31),
    Kind.INSTANT: datetime(2025, 3, 31, tzinfo=UTC),
    Kind.ID: UUID(int=7),
}
DAY: Final = [date(2025, 3, 31)]
# What a route always gives, beside what the caller asks.
GIVEN: Final[dict[str, Any]] = {"targets.org.UNITS": DAY, "targets.org.MEMBERS": DAY}
NARROWED: Final[dict[str, dict[str, Value]]] = {
    "targets.attainment.ENTRIES": {"attainment_id": UUID(int=1)},
    "performance.assignments.ASSIGNMENTS": {"plan_id": UUID(int=1)},
    "performance.credits.CREDITS": {"payee_id": UUID(int=1)},
    "knowledge.webhooks.delivery.queries.DELIVERIES": {"webhook_id": UUID(int=1)},
    "performance.statements.TOTALS": {"period": "2025-Q1"},
    "performance.statements.ENTRIES": {"payee_id": UUID(int=1), "period": "2025-Q1"},
}


# So few that they are sorted: an owner's webhooks are bounded in number.
FEW: Final = {"knowledge.webhooks.queries.WEBHOOKS"}


class Case(NamedTuple):
    """A list in an order; ``missing`` says whether a page begins where there is no value."""

    name: str
    listing: Listing[Any]
    order: tuple[Order, ...]
    missing: bool


def listings() -> dict[str, Listing[Any]]:
    """Return all lists by module and name; those of the chassis as lists of knowledge."""
    found = {}
    for source in (*sources("services"), *sources("shared")):
        if " = Listing(" not in source.text:
            continue
        folder, *inside = source.parts
        module = import_module(".".join(source.parts))
        for name, value in vars(module).items():
            if isinstance(value, Listing):
                of = inside[:-1] if folder == "services" else ["knowledge", *inside]
                found[".".join([*of, name])] = value
    return found


def cases(service: str) -> list[Case]:
    """Return every list of a service in its own order and by each field, in both directions."""
    found = []
    for name, listing in listings().items():
        if not name.startswith(f"{service}.") or name in FEW:
            continue
        found.append(Case(name, listing, (), missing=False))
        for field, its in listing.fields.items():
            directions = [False] if its.upwards_only else [False, True]
            for descending in directions if its.sorts else ():
                order = (Order(field, descending),)
                found.append(Case(name, listing, order, missing=False))
                if its.nullable:
                    found.append(Case(name, listing, order, missing=True))
    return found


async def plans(conn: Connection, case: Case, asked: Asked) -> list[str]:
    """Return how the database would read a page, stretch by stretch."""
    found = []
    for stretch in case.listing.stretches(asked):
        statement, values = case.listing.statement(
            asked, anything, GIVEN.get(case.name, ()), stretch
        )
        rows = await conn.fetch("EXPLAIN " + statement, *values)
        found.append("\n".join(row[0] for row in rows))
    return found


def is_sorted(plan: str) -> bool:
    """Tell whether all rows are sorted; rows of one value among themselves may be."""
    return re.search(r"(^|-> +)Sort\b", plan, re.MULTILINE) is not None


async def read_wrongly(conn: Connection, case: Case) -> list[str]:
    """Return the plans of pages, the first and a deep one, that are not read from an index."""
    asked = Asked(order=case.order).narrowed(**NARROWED.get(case.name, {}))
    place: list[Value | None] = [SOME[kind] for kind in case.listing.kinds(asked)]
    if case.missing:
        place[0] = None
    leading = case.listing.fields[case.listing.ordered(asked)[0].field]
    column = leading.sql.partition(".")[2]
    deep = await plans(conn, case, replace(asked, place=tuple(place)))
    entered = rf"Index Cond: .*\b{column}\b"
    return [
        f"{case.name} by {case.order}:\n{plan}"
        for plan in [*await plans(conn, case, asked), *deep]
        if is_sorted(plan) or (plan in deep and not re.search(entered, plan))
    ]


@pytest.mark.parametrize("service", ["targets", "pipeline", "performance", "knowledge"])
async def test_every_order_of_every_list_is_read_from_an_index(
    installation: Installation, service: str
) -> None:
    async with installation.open(service) as database, database.acquire() as conn:
        # The tables are empty: what is cheapest says nothing, what is possible does.
        await conn.execute("SET enable_seqscan = off; SET enable_sort = off")
        await conn.execute("SET enable_bitmapscan = off; SET enable_hashagg = off")
        wrong = [plan for case in cases(service) for plan in await read_wrongly(conn, case)]
    assert not wrong, "\n\n".join(wrong)


def test_every_list_of_the_services_is_looked_at() -> None:
    chassis = {f"knowledge.{one}" for one in ("events.parking.PARKED", "audit.queries.CHANGES")}
    chassis.add("knowledge.jobs.queries.JOBS")
    assert listings().keys() >= {"pipeline.deals.DEALS", *chassis, *NARROWED, *GIVEN, *FEW}
