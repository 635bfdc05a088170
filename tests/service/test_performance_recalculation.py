"""What is worked out again: who, when, in whose name, and what happens when it cannot be."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from uuid import UUID

import pytest

from services.performance.credits import queries as credits_ledger
from services.performance.credits.reactions import post_deals
from services.performance.incentives.commands import recalculate_marked
from services.performance.quotas.reactions import follow_targets
from shared.context import Origin
from shared.contracts.targets import ScopeKind
from shared.db import Connection, DatabaseUnavailable
from shared.ids import derived_id, new_id
from tests.service.conftest import Installation
from tests.service.performance_world import (
    NOW,
    World,
    commission,
    deal,
    performance,
    reached,
    target,
    team,
)

LI, WANG, ANN = (derived_id("member", name) for name in ("李雷", "王芳", "Ann"))
EAST = derived_id("unit", "华东大区")
DEAL = derived_id("deal", 1)


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[World]:
    async with performance(installation) as made:
        yield made


async def test_who_is_assigned_while_a_units_attainment_comes_in_is_paid_by_it(
    world: World,
) -> None:
    made = await world.make(team(EAST), payees=[LI])
    await world.tell(target(EAST, "1000", scope=ScopeKind.UNIT), reached(EAST, "500"))
    await world.settle()
    followed, go = asyncio.Event(), asyncio.Event()

    async def follow(conn: Connection) -> None:
        await follow_targets(conn, world.context(), [world.event(reached(EAST, "2000", version=2))])
        followed.set()
        await go.wait()

    telling = asyncio.create_task(world.database.transact(follow))
    await followed.wait()
    assigning = asyncio.create_task(world.assign(made["id"], ANN))
    await asyncio.wait([assigning], timeout=0.3)
    await world.settle()
    go.set()
    await telling
    assert (await assigning).status_code == 200
    await world.settle()
    # 1000 × 5 % + 1000 × 8 %
    assert (await world.due(LI), await world.due(ANN)) == ("130.00", "130.00")


async def test_a_unit_without_a_target_pays_nothing_and_the_statement_says_so(
    world: World,
) -> None:
    await world.make(commission(), team(EAST, key="团队奖"), payees=[LI])
    await world.tell(deal({LI: "1000"}))
    assert await world.due(LI) == "50.00"
    assert await notes(world, LI) == {"收入提成": ["without_quota"], "团队奖": [NO_QUOTA]}

    await world.tell(target(EAST, "1000", scope=ScopeKind.UNIT), reached(EAST, "1000"))
    assert await world.due(LI) == "100.00"
    assert (await notes(world, LI))["团队奖"] == []

    await world.tell(target(EAST, None, scope=ScopeKind.UNIT, version=2))
    assert await world.due(LI) == "50.00"
    assert (await notes(world, LI))["团队奖"] == [NO_QUOTA]


NO_QUOTA = "nothing_without_quota"


async def notes(world: World, payee: UUID) -> dict[str, list[str]]:
    """Return the codes of the notes in a statement by component."""
    components = (await world.statement(payee))["components"]
    return {c["component"]: [note["code"] for note in c["notes"]] for c in components}


async def test_an_assignment_that_ends_takes_back_what_came_after(world: World) -> None:
    made = await world.make(payees=[LI])
    await world.tell(deal({LI: "1000"}, on="2017-05-31"), deal({LI: "2000"}, on="2017-06-01"))
    await world.settle()
    assert await world.due(LI) == "150.00"
    await world.end(made["id"], LI, valid_to="2017-06-01")
    await world.settle()
    assert await world.due(LI) == "50.00"
    # A later end brings it back: the payee is worked out from the earlier one of both on.
    await world.end(made["id"], LI, valid_to="2018-01-01")
    await world.settle()
    assert await world.due(LI) == "150.00"


async def test_who_cannot_be_worked_out_keeps_nobody_waiting(world: World) -> None:
    made = await world.make(payees=[LI, WANG, ANN])
    await world.tell(*(deal({payee: "1000"}, on="2017-06-01") for payee in (LI, WANG, ANN)))
    await world.settle()
    (kept,) = await world.rows(TRACE, WANG)
    await world.rows(SPOIL, WANG, "{}")
    await world.end(made["id"], LI, WANG, ANN, valid_to="2017-05-01")
    assert await world.settle() == 3
    assert (await world.due(LI), await world.due(ANN)) == ("0.00", "0.00")
    waiting = (await world.http.get("/v1/recalculations")).json()
    (failure,) = waiting.pop("failures")
    assert waiting == {"waiting": 0, "failed": 1}
    assert (failure["payee_id"], failure["since"]) == (str(WANG), "2017-05-01")
    assert "ValidationError" in failure["reason"]

    # Whatever marks the payee again is another try.
    await world.rows(SPOIL, WANG, kept["trace"])
    assert await world.settle() == 0
    await world.end(made["id"], WANG, valid_to="2017-04-01")
    assert await world.settle() == 1
    assert await world.due(WANG) == "0.00"
    found = (await world.http.get("/v1/recalculations")).json()
    assert found == {"waiting": 0, "failed": 0, "failures": []}


async def test_who_is_locked_keeps_nobody_waiting(world: World) -> None:
    made = await world.make(payees=[LI, WANG, ANN])
    await world.tell(*(deal({payee: "1000"}, on="2017-06-01") for payee in (LI, WANG, ANN)))
    await world.settle()
    await world.end(made["id"], LI, WANG, ANN, valid_to="2017-05-01")
    async with world.database.acquire() as conn, conn.transaction():
        await conn.execute(HOLD, WANG)
        assert await recalculate_marked(world.database, world.context()) == 2
        assert (await world.due(LI), await world.due(ANN)) == ("0.00", "0.00")
        with pytest.raises(DatabaseUnavailable):
            await recalculate_marked(world.database, world.context())
    assert await world.settle() == 1
    assert await world.due(WANG) == "0.00"


HOLD = "SELECT FROM payee_lock WHERE payee_id = $1 FOR UPDATE"
TRACE = "SELECT trace FROM incentive WHERE payee_id = $1"
SPOIL = "UPDATE incentive SET trace = $2 WHERE payee_id = $1"


async def test_a_credit_in_a_far_year_costs_its_own_quarter_and_no_other(world: World) -> None:
    await world.tell(deal({LI: "1000"}), deal({LI: "1000"}, on="2199-05-10"))
    await world.make(payees=[LI])
    held = partial(credits_ledger.days, since={LI: date(2017, 1, 1), WANG: date(2017, 1, 1)})
    assert await world.database.read(held) == {LI: [date(2017, 5, 10), date(2199, 5, 10)]}
    await world.settle()
    assert (await world.due(LI), await world.due(LI, "2199-Q2")) == ("50.00", "50.00")


@pytest.mark.parametrize("origins", [(Origin.LIVE, Origin.IMPORT), (Origin.IMPORT, Origin.LIVE)])
@pytest.mark.parametrize("batches", [1, 2])
async def test_what_happened_live_is_told_as_live_whatever_is_imported_behind_it(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    origins: tuple[Origin, Origin],
    batches: int,
) -> None:
    await world.make(payees=[LI])
    await world.settle()
    monkeypatch.setattr("services.performance.incentives.commands.AT_ONCE_MAX", 0)
    days = ("2017-05-10", "2017-08-10")
    events = [
        world.event(deal({LI: "1000"}, on=day), origin=origin)
        for day, origin in zip(days, origins, strict=True)
    ]
    for place in range(batches):
        await world.react(*events[place::batches])
    await world.settle()
    live = events[origins.index(Origin.LIVE)]
    told = {(row["origin"], row["correlation_id"]) for row in await world.outbox("incentive")}
    assert told == {("live", live.correlation_id)}


async def test_entries_stand_as_they_were_posted_whatever_the_clock_said(world: World) -> None:
    await world.make(payees=[LI])
    steps = [(NOW, "1000"), (NOW - timedelta(hours=1), "3000"), (NOW + timedelta(hours=1), "500")]
    for version, (now, amount) in enumerate(steps, start=1):
        event = world.event(deal({LI: amount}, deal_id=DEAL, version=version))
        post = partial(post_deals, ctx=replace(world.context(), now=now), events=[event])
        await world.database.transact(post)
    entries = (await world.http.get(f"/v1/statements/{LI}/2017-Q2/entries")).json()["items"]
    assert [entry["amount"]["amount"] for entry in entries] == ["50.00", "100.00", "-125.00"]


async def test_entries_of_one_change_stand_by_their_tiers(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(target(LI, "100"))
    await world.tell(deal({LI: "1000"}))
    entries = (await world.http.get(f"/v1/statements/{LI}/2017-Q2/entries")).json()["items"]
    assert [entry["tier"] for entry in entries] == [1, 2]


async def test_a_members_own_attainment_is_not_kept(world: World) -> None:
    own = reached(LI, "1000").model_copy(update={"scope": ScopeKind.MEMBER})
    await world.tell(own, reached(EAST, "1000"))
    kept = await world.rows("SELECT target_id FROM quota_actual")
    assert [row["target_id"] for row in kept] == [reached(EAST, "1000").target_id]


async def test_what_is_heard_again_beside_news_is_not_their_cause(
    installation: Installation,
) -> None:
    async with performance(installation) as world:
        unit, leader = new_id(), new_id()
        await world.make(team(unit), payees=[leader])
        await world.settle()
        await world.tell(target(unit, "1000", scope=ScopeKind.UNIT))
        old, new = world.event(reached(unit, "100")), world.event(reached(unit, "300", version=2))
        await world.react(old)
        assert await world.due(leader) == "5.00"
        await world.react(new, old)
        assert await world.due(leader) == "15.00"
        last = (await world.outbox("incentive"))[-1]
        assert last["causation_id"] == new.id
