"""What the APIs say after a load: revenue, won deals, targets and pay, by quarter and scope."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from deploy.demo.client import Api, DemoFailed, Json
from deploy.demo.crm.cleaning import Load
from deploy.demo.statement import read_statement, sums, to_money
from shared.money import Money
from shared.period import FiscalCalendar, NamedPeriod
from shared.ratio import Ratio


class Place(NamedTuple):
    """Whose figures of which quarter: the id of a member or unit, and the quarter's name."""

    scope_id: str
    quarter: str


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a scope and quarter; no target: no attainment."""

    revenue: Money
    won: int
    target: Money | None
    attainment: Ratio | None


def quarters_of(load: Load, calendar: FiscalCalendar) -> Sequence[NamedPeriod]:
    """Return the quarters in which deals were closed, in order."""
    found = {calendar.quarter(deal.closed_on) for deal in load.deals if deal.closed_on is not None}
    return sorted(found, key=lambda quarter: quarter.period)


async def attained(
    api: Api, quarters: Sequence[NamedPeriod], currency: str, scopes: Iterable[str]
) -> dict[Place, Result]:
    """Return the attainments of these members and units in these quarters."""
    wanted = set(scopes)
    found = {}
    for quarter in quarters:
        async for item in api.items(
            "/targets/v1/attainments", period=quarter.name, metric="revenue"
        ):
            if item["scope_id"] in wanted and item["currency"] == currency:
                found[Place(item["scope_id"], quarter.name)] = _result(item)
    return found


async def paid(api: Api, results: Mapping[Place, Result]) -> dict[Place, Money]:
    """Return what members earned, from their statements.

    Raises DemoFailed for a statement whose sums differ, or which measures another revenue or
    holds it against another target than the attainment does.
    """
    found = {}
    for place, result in results.items():
        statement = await read_statement(api, place.scope_id, place.quarter)
        nothing = Money.zero(result.revenue.currency)
        found[place] = sum((total.amount for total in sums(statement)), nothing)
        for component in statement.components:
            measured, quota = to_money(component["measured"]), component["quota"]
            against = None if quota is None else to_money(quota)
            if (measured, against) != (result.revenue, result.target):
                raise DemoFailed(
                    f"The statement of {place.scope_id} in {place.quarter} is about {measured} "
                    f"against {against}; attained were {result.revenue} against {result.target}."
                )
    return found


def _result(item: Json) -> Result:
    currency = item["currency"]
    target = item["target"]
    value = None if target is None else target["value"]
    return Result(
        revenue=Money.of(item["actual"], currency),
        won=int(item["deals"]),
        target=None if value is None else Money.of(value, currency),
        attainment=None if item["attainment"] is None else Ratio(item["attainment"]),
    )
