"""From deals, targets and plans to what is due, in whatever order they come."""

import asyncio
import random
from collections.abc import AsyncIterator

import orjson
import pytest

from shared.context import Origin
from shared.contracts.contract import Contract
from shared.contracts.targets import ScopeKind
from shared.ids import derived_id
from tests.service.conftest import Installation
from tests.service.performance_world import (
    ENTRIES,
    HEADS,
    LEDGER,
    World,
    amounts,
    commission,
    deal,
    performance,
    plan,
    reached,
    target,
    team,
)

LI, WANG, ANN = (derived_id("member", name) for name in ("李雷", "王芳", "Ann"))
EAST = derived_id("unit", "华东大区")
DEAL, OTHER = derived_id("deal", 1), derived_id("deal", 2)


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[World]:
    async with performance(installation) as made:
        yield made


async def test_a_won_deal_pays_five_percent_up_to_the_target_and_eight_above(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(target(LI, "100000"), deal({LI: "150000"}))
    # 100000 × 5 % + 50000 × 8 %
    assert await world.due(LI) == "9000.00"


async def test_without_a_target_five_percent_is_paid_on_all(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(deal({LI: "150000"}))
    assert await world.due(LI) == "7500.00"
    (component,) = (await world.statement(LI))["components"]
    assert component["quota"] is component["attainment"] is None
    assert [note["code"] for note in component["notes"]] == ["without_quota"]


async def test_each_member_is_paid_for_the_own_share(world: World) -> None:
    await world.make(payees=[LI, WANG])
    await world.tell(deal({LI: "1000.01", WANG: "1000.00"}))
    assert (await world.due(LI), await world.due(WANG)) == ("50.00", "50.00")


async def test_the_event_tells_the_new_amount_and_the_difference(world: World) -> None:
    await world.make(payees=[LI])
    first = world.event(deal({LI: "1000"}, deal_id=DEAL))
    second = world.event(deal({LI: "3000"}, deal_id=DEAL, version=2))
    await world.react(first)
    await world.react(second)
    told = await world.outbox("incentive")
    assert [row["causation_id"] for row in told] == [first.id, second.id]
    assert told[1]["correlation_id"] == second.correlation_id
    payload = orjson.loads(told[1]["payload"])
    assert payload["amount"] == {"amount": "150.00", "currency": "CNY"}
    assert payload["difference"] == {"amount": "100.00", "currency": "CNY"}
    assert (payload["measured"], payload["quota"], payload["version"]) == ("3000", None, 2)


async def test_imported_history_stays_marked_as_such(world: World) -> None:
    await world.make(payees=[LI])
    await world.react(world.event(deal({LI: "1000"}), origin=Origin.IMPORT))
    assert [row["origin"] for row in await world.outbox("incentive")] == ["import"]


async def test_a_lost_deal_pays_nothing_and_a_reversed_win_is_taken_back(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(deal({LI: "1000"}, deal_id=DEAL))
    await world.tell(deal({LI: "1000"}, deal_id=DEAL, version=2, lost=True))
    assert await world.due(LI) == "0.00"
    entries = await world.http.get(f"/v1/statements/{LI}/2017-Q2/entries")
    assert [entry["amount"]["amount"] for entry in entries.json()["items"]] == ["50.00", "-50.00"]


async def test_a_deal_that_moves_to_another_day_and_payee_moves_its_pay(world: World) -> None:
    await world.make(payees=[LI, WANG])
    await world.tell(deal({LI: "1000"}, deal_id=DEAL, on="2017-06-30"))
    await world.tell(deal({WANG: "1000"}, deal_id=DEAL, version=2, on="2017-07-01"))
    assert await world.due(LI) == "0.00"
    assert await world.due(WANG, "2017-Q3") == "50.00"


async def test_an_event_that_comes_again_changes_nothing(world: World) -> None:
    await world.make(payees=[LI])
    events = [world.event(target(LI, "500")), world.event(deal({LI: "1000"}, deal_id=DEAL))]
    await world.react(*events)
    before = (await world.rows(ENTRIES), await world.outbox())
    await world.react(*events)
    assert (await world.rows(ENTRIES), await world.outbox()) == before


async def test_an_edit_that_leaves_the_amounts_posts_and_tells_nothing(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(deal({LI: "1000"}, deal_id=DEAL))
    before = (await world.rows(ENTRIES), await world.outbox())
    await world.tell(deal({LI: "1000"}, deal_id=DEAL, version=2))
    assert (await world.rows(ENTRIES), await world.outbox()) == before


async def test_a_batch_recalculates_a_payee_once(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(*(deal({LI: "1000"}) for _ in range(20)))
    (told,) = await world.outbox("incentive")
    assert orjson.loads(told["payload"])["amount"]["amount"] == "1000.00"


async def test_a_target_that_changes_or_is_withdrawn_changes_the_pay(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(target(LI, "100000"), deal({LI: "150000"}))
    await world.tell(target(LI, "50000", version=2))
    # 50000 × 5 % + 100000 × 8 %
    assert await world.due(LI) == "10500.00"
    await world.tell(target(LI, None, version=3))
    assert await world.due(LI) == "7500.00"


async def test_a_target_in_another_currency_is_no_quota(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(target(LI, "100000", currency="USD"), deal({LI: "150000"}))
    assert await world.due(LI) == "7500.00"


async def test_credits_in_another_currency_are_named_and_not_added(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(deal({LI: "1000"}), deal({LI: "300"}, currency="EUR"))
    await world.tell(deal({LI: "900"}, currency="EUR"))
    assert await world.due(LI) == "50.00"
    (component,) = (await world.statement(LI))["components"]
    assert component["left_out"] == [
        {"amount": {"amount": "1200.00", "currency": "EUR"}, "credits": 2}
    ]
    assert [note["code"] for note in component["notes"]] == ["without_quota", "other_currency"]


async def test_only_the_days_of_the_assignment_count(world: World) -> None:
    made = await world.make()
    await world.assign(made["id"], LI, valid_from="2017-04-10", valid_to="2017-05-01")
    await world.assign(made["id"], LI, valid_from="2017-06-01")
    for day in ("2017-04-09", "2017-04-10", "2017-04-30", "2017-05-01", "2017-06-01"):
        await world.tell(deal({LI: "1000"}, on=day))
    assert await world.due(LI) == "150.00"


async def test_a_new_version_takes_over_from_its_quarter_and_drops_what_it_does_not_name(
    world: World,
) -> None:
    made = await world.make(payees=[LI])
    await world.tell(deal({LI: "1000"}, on="2017-06-30"), deal({LI: "1000"}, on="2017-07-01"))
    await world.settle()
    assert await world.due(LI, "2017-Q3") == "50.00"
    later = plan(commission(key="新组件", **amounts(("0", None, "0.10"))), valid_from="2017-07-01")
    del later["name"]
    answer = await world.http.post(
        f"/v1/plans/{made['id']}/versions", json=later, headers={"If-Match": "*"}
    )
    assert answer.status_code == 201
    assert (await world.statement(LI, "2017-Q3"))["waits"]
    assert await world.settle() == 1
    assert await world.due(LI) == "50.00"
    assert await world.due(LI, "2017-Q3") == "100.00"
    old, new = sorted(
        (await world.statement(LI, "2017-Q3"))["components"], key=lambda c: c["version"]
    )[::-1]
    assert (old["component"], old["amount"]["amount"], old["plan_version"]) == (
        "收入提成",
        "0.00",
        1,
    )
    assert (new["component"], new["amount"]["amount"], new["plan_version"]) == (
        "新组件",
        "100.00",
        2,
    )


async def test_two_plans_pay_side_by_side(world: World) -> None:
    await world.make(payees=[LI])
    await world.make(commission(**amounts(("0", None, "0.01"))), payees=[LI])
    await world.tell(deal({LI: "1000"}))
    assert await world.due(LI) == "60.00"


async def test_a_whole_tier_pays_back_for_the_deals_before(world: World) -> None:
    whole = amounts(("0", "1000", "0.05"), ("1000", None, "0.08"), mode="whole")
    await world.make(commission(**whole), payees=[LI])
    await world.tell(deal({LI: "600"}, on="2017-04-02"), deal({LI: "600"}, on="2017-04-03"))
    # 1200 × 8 %; the first deal brought 600 × 5 %, the second the rest.
    assert await world.due(LI) == "96.00"
    (component,) = (await world.statement(LI))["components"]
    brought = [part["commission"]["amount"] for part in component["credits"]]
    assert brought == ["30.00", "66.00"]


async def test_a_units_attainment_pays_whoever_has_it_in_a_plan(world: World) -> None:
    await world.make(team(EAST), payees=[ANN])
    await world.tell(target(EAST, "1000", scope=ScopeKind.UNIT), reached(EAST, "600"))
    await world.tell(reached(EAST, "900", partition=1))
    # 600 + 900 of 1000: 1000 × 5 % + 500 × 8 %
    assert await world.due(ANN) == "90.00"
    await world.tell(reached(EAST, "100", version=2, partition=1))
    assert await world.due(ANN) == "35.00"


async def test_events_of_people_without_a_plan_leave_no_incentive(world: World) -> None:
    await world.tell(deal({LI: "1000"}), target(LI, "500"), reached(EAST, "10"))
    assert await world.rows(HEADS) == []
    assert await world.outbox("incentive") == []
    assert (await world.http.get(f"/v1/statements/{LI}/2017-Q2")).status_code == 404


async def test_a_plan_assigned_after_the_deals_pays_the_same(world: World) -> None:
    await world.tell(target(LI, "500"), deal({LI: "1000"}), deal({LI: "80"}, on="2018-02-01"))
    await world.make(payees=[LI])
    assert await world.settle() == 1
    # 500 × 5 % + 500 × 8 %
    assert await world.due(LI) == "65.00"
    assert await world.due(LI, "2018-Q1") == "4.00"


def story() -> list[Contract]:
    """Versions of two deals, targets and attainments that contradict and replace each other."""
    return [
        deal({LI: "1000"}, deal_id=DEAL, version=1),
        deal({LI: "700", WANG: "300.33"}, deal_id=DEAL, version=2),
        deal({LI: "10"}, deal_id=DEAL, version=3, lost=True),
        deal({LI: "1500.50"}, deal_id=DEAL, version=4, on="2017-06-02"),
        deal({WANG: "800"}, deal_id=OTHER, version=1),
        deal({WANG: "800"}, deal_id=OTHER, version=2, on="2017-07-09"),
        target(LI, "400"),
        target(LI, "1000", version=2),
        target(WANG, "100", period="2017-Q3"),
        target(EAST, "5000", scope=ScopeKind.UNIT),
        reached(EAST, "1000"),
        reached(EAST, "6000", version=2),
        reached(EAST, "500", partition=1),
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_order_repetition_and_batches_never_matter(world: World, seed: int) -> None:
    dice = random.Random(seed)
    made = await world.make(commission(), team(EAST, key="团队奖"))
    events = [world.event(content) for content in story()]
    told = events + dice.sample(events, 6)
    dice.shuffle(told)
    assigned_before = dice.randrange(len(told))
    for place, event in enumerate(told):
        if place == assigned_before:
            await world.assign(made["id"], LI, WANG)
        await world.react(*told[place : place + dice.randint(1, 4)], event)
        if dice.random() < 0.2:
            await world.settle()
    await world.settle()
    # 1000 × 5 % + 500.50 × 8 % = 90.04; the team 5000 × 5 % + 1500 × 8 % = 370
    assert await world.due(LI) == "460.04"
    assert await world.due(WANG) == "370.00"
    # 100 × 5 % + 700 × 8 %
    assert await world.due(WANG, "2017-Q3") == "61.00"


@pytest.mark.parametrize("seed", range(3))
async def test_who_comes_last_sees_everything(world: World, seed: int) -> None:
    dice = random.Random(seed)
    made = await world.make()
    deals = [deal({LI: "100", WANG: "50"}, on="2017-05-01") for _ in range(20)]
    works = [world.tell(*deals[place : place + 2]) for place in range(0, 20, 2)]
    works.append(world.tell(target(LI, "1000"), target(WANG, "1000")))
    dice.shuffle(works)
    assigning = world.assign(made["id"], WANG, LI)
    await asyncio.gather(*works[:5], assigning, *works[5:], world.settle())
    await world.settle()
    # LI: 1000 × 5 % + 1000 × 8 %; WANG: 1000 × 5 %
    assert (await world.due(LI), await world.due(WANG)) == ("130.00", "50.00")


async def test_more_payees_than_fit_into_a_transaction_are_worked_off_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.performance.incentives.commands.AT_ONCE_MAX", 1)
    monkeypatch.setattr("services.performance.incentives.commands.MARKS_MAX", 1)
    await world.make(payees=[LI, WANG])
    await world.settle()
    await world.tell(deal({LI: "1000"}), deal({LI: "100", WANG: "100"}, on="2017-08-01"))
    assert await world.outbox("incentive") == []
    assert await world.settle() == 2
    assert (await world.due(LI), await world.due(LI, "2017-Q3")) == ("50.00", "5.00")
    assert await world.due(WANG, "2017-Q3") == "5.00"


async def test_the_ledger_adds_up_to_every_incentive(world: World) -> None:
    await world.make(payees=[LI, WANG])
    for content in story():
        await world.tell(content)
    ledger = {tuple(row)[:4]: row["amount"] for row in await world.rows(LEDGER)}
    heads = {tuple(row)[:4]: row["amount"] for row in await world.rows(HEADS)}
    assert ledger == {key: amount for key, amount in heads.items() if key in ledger}
    assert all(not amount for key, amount in heads.items() if key not in ledger)
