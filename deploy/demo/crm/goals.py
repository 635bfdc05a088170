"""Targets and the plan of the load: a tenth more than last quarter, and what reaching it pays."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from deploy.demo.client import Api, Json
from deploy.demo.company import own_credits_plan
from deploy.demo.crm.cleaning import Load
from deploy.demo.crm.posting import BULK, SOURCE, Outcome, Posted, Shelf, outcome
from deploy.demo.crm.results import Place
from shared.money import Money
from shared.period import FiscalCalendar, NamedPeriod

GROWTH: Final = Decimal("1.1")
PLAN: Final = "agents"
_PLANS: Final = "/performance/v1/plans"


class Goal(NamedTuple):
    """A member's target for a quarter."""

    member_id: str
    period: str
    value: Money


def goals(
    revenue: Mapping[Place, Money], quarters: Iterable[NamedPeriod], growth: Decimal
) -> Iterator[Goal]:
    """Yield each member's own previous quarter times growth, to the currency's minor unit.

    Without a previous quarter there is no target.
    """
    calendar = FiscalCalendar()
    members = list(dict.fromkeys(place.scope_id for place in revenue))
    for quarter in quarters:
        previous = calendar.previous(quarter).name
        for member_id in members:
            before = revenue.get(Place(member_id, previous))
            if before:
                yield Goal(member_id, quarter.name, (before * growth).rounded())


async def set_goals(api: Api, wanted: Iterable[Goal], posted: Posted) -> None:
    """Set the targets; what became of them is noted."""
    versions = {
        (target["scope_id"], target["period"], target["metric"]): int(target["version"])
        async for target in api.items("/targets/v1/targets")
    }
    bodies = [_target(goal) for goal in wanted]
    for start in range(0, len(bodies), BULK):
        body = {"targets": bodies[start : start + BULK]}
        for target in (await api.post("/targets/v1/targets/bulk", body))["targets"]:
            before = versions.get((target["scope_id"], target["period"], target["metric"]))
            posted.note("targets", outcome(before, int(target["version"])))


async def put_plan(api: Api, load: Load, posted: Posted) -> None:
    """Put the plan and assign it to every agent from its first day on."""
    start = load.paid_since.isoformat()
    component = own_credits_plan(
        key="commission", up_to_target="0.05", above_target="0.08", without_target="0.05"
    )
    body = {
        "name": "5 % up to the target, 8 % above",
        "valid_from": start,
        "currency": load.currency,
        "components": [component],
    }
    shelf = await Shelf.look(api, "plans", _PLANS, posted)
    plan_id = await shelf.put(PLAN, f"{_PLANS}/by-external/{SOURCE}/{PLAN}", body)
    payees = [posted.members[agent.name] for agent in load.agents]
    before = int((await api.get(f"{_PLANS}/{plan_id}"))["version"])
    await api.post(
        f"{_PLANS}/{plan_id}/assignments",
        {"payee_ids": payees, "valid_from": start, "valid_to": None},
    )
    after = int((await api.get(f"{_PLANS}/{plan_id}"))["version"])
    for _ in payees:
        posted.note("assignments", Outcome.CREATED if after > before else Outcome.UNCHANGED)


def _target(goal: Goal) -> Json:
    return {
        "scope": "member",
        "scope_id": goal.member_id,
        "metric": "revenue",
        "period": goal.period,
        "value": goal.value.text,
        "currency": goal.value.currency,
    }
