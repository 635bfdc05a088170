"""Poison among good events: parked with its reason, the rest flows, and it can be replayed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import nats
import pytest

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from shared.contracts import contract as contracts
from shared.contracts.contract import published
from shared.contracts.pipeline import DealFact, DealWon
from shared.contracts.targets import AttainmentUpdated
from shared.ids import new_id
from tests.flow.world import DAY, LI, World, founded
from tests.resilience.schemas import MEND, REFUSE, schema
from tests.resilience.wholeness import whole

READERS = ("targets", "performance", "knowledge")
WON_V2, WON_V99 = "pharos.pipeline.deal.won.v2", "pharos.pipeline.deal.won.v99"
GOOD = "1000.00"
LOOKS_MAX = 400
POISONED: set[UUID] = set()
"""Subjects of which something was told past all rules; what is found of them is explained."""

_TELL = """
    INSERT INTO outbox (partition, event_id, type, aggregate_id, aggregate_version, occurred_at,
                        correlation_id, origin, payload)
    VALUES (0, $1, $2, $3, $4, $5, $1, 'live', $6)
"""
_PARKED = "SELECT event_id, reason, stack FROM parked WHERE state = 'parked'"
_SENT = "SELECT acknowledged = head AND NOT EXISTS (SELECT FROM outbox) FROM relay"
_HEAD = "SELECT head, head_event_id FROM relay WHERE partition = 0"
_PLACE = "SELECT min(coalesce(stream_sequence, 0)) FROM watermark WHERE source = 'pipeline'"


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False) as started:
            yield started


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    async with founded(stack) as made:
        await made.pay_sellers()
        yield made


def fact(world: World, deal_id: UUID, **changes: object) -> dict[str, Any]:
    """Return a won deal as pipeline tells it, with changes that pipeline would never make."""
    money = {"amount": "500.00", "currency": "CNY"}
    share = {"member_id": world.members[LI], "share": "1", "amount": money, "quantity": "0"}
    return {
        "version": 1,
        "deal_id": str(deal_id),
        "name": "有毒的商机",
        "stage": "won",
        "owner_id": world.members[LI],
        "account_id": None,
        "amount": money,
        "quantity": "0",
        "shares": [share],
        "lines": [],
        "opened_on": "2025-01-02",
        "closed_on": DAY,
        **changes,
    }


async def tell(world: World, source: str, kind: str, deal_id: UUID, payload: object) -> UUID:
    """Commit an event past all rules of its source; return its id."""
    event_id = new_id()
    POISONED.add(deal_id)
    body = json.dumps(payload, ensure_ascii=False)
    async with schema(world.stack, source) as conn:
        await conn.execute(_TELL, event_id, kind, deal_id, 1, datetime.now(UTC), body)
    return event_id


async def parked(world: World, service: str) -> Mapping[UUID, tuple[str, str]]:
    """Return what is parked in a service: reason and stack by the id of the event."""
    async with schema(world.stack, service) as conn:
        rows = await conn.fetch(_PARKED)
    return {row["event_id"]: (row["reason"], row["stack"]) for row in rows}


async def settle_all(world: World, service: str, way: str) -> int:
    """Replay or discard all that is parked in a service; return how much there was."""
    page = await world.get(f"/{service}/v1/parked", state="parked", limit=200)
    for item in page["items"]:
        answer = await world.post(f"/{service}/v1/parked/{item['id']}/{way}", {})
        assert answer == {"id": item["id"], "state": f"{way}ed"}
    return len(page["items"])


async def poisoned(world: World) -> Mapping[UUID, tuple[str, frozenset[str]]]:
    """Let good and poisonous events happen in turns; return who must park what, and why."""
    everybody, counting = frozenset(READERS), frozenset({"targets", "performance"})
    share = fact(world, new_id())["shares"][0]
    huge = {"amount": f"1{'0' * 36}.00", "currency": "CNY"}
    poisons: list[tuple[str, dict[str, Any], str, frozenset[str]]] = [
        (DealWon.TYPE, {"amount": ["不是金额"]}, "does not fit its contract", everybody),
        (DealWon.TYPE, {"deal_id": "不是编号"}, "does not fit its contract", everybody),
        (WON_V2, {}, "Upgrade this service", everybody),
        (WON_V99, {"新字段": "以后才懂"}, "Upgrade this service", everybody),
        (DealWon.TYPE, {"closed_on": "1066-10-14"}, "No such fiscal period", everybody),
        (DealWon.TYPE, {"shares": [{**share, "amount": huge}]}, "overflow", counting),
        (DealWon.TYPE, {"version": 2**63}, "out of int64 range", counting),
    ]
    wanted = {}
    for kind, changes, reason, readers in poisons:
        deal_id = new_id()
        payload = {**fact(world, deal_id), **changes}
        wanted[await tell(world, "pipeline", kind, deal_id, payload)] = (reason, readers)
        await world.won_deal(GOOD)
    return wanted


@pytest.mark.parametrize("way", ["broker", "feed"])
async def test_poison_is_parked_with_its_reason_and_the_rest_flows(world: World, way: str) -> None:
    if way == "broker":
        wanted = await poisoned(world)
    else:
        wanted = await _while_they_sleep(world)
    await world.settle()
    # 7 × 1,000 × 5 %
    assert (await world.revenue(LI), await world.incentive(LI)) == ("7000.00", "350.00")
    for service in READERS:
        found = await parked(world, service)
        assert found.keys() == {e for e, (_, readers) in wanted.items() if service in readers}
        for event_id, (reason, stack) in found.items():
            assert wanted[event_id][0] in reason
            assert "Error" in stack or "Unknown" in stack or "Traceback" in stack
        assert await settle_all(world, service, "discard") == len(found)
        page = await world.get(f"/{service}/v1/parked", state="discarded", limit=200)
        told = [item for item in page["items"] if UUID(item["event_id"]) in found]
        assert {item["settled_by"] for item in told} == {"tester"}
        assert all(item["settled_at"] for item in told)
    await whole(world.stack, about=POISONED)


async def _while_they_sleep(world: World) -> Mapping[UUID, tuple[str, frozenset[str]]]:
    """Let it happen while the readers are down, and the stream lose it all."""
    await world.settle()
    for service in READERS:
        await world.stack.services[service].stop()
    try:
        wanted = await poisoned(world)
        async with schema(world.stack, "pipeline") as conn:
            for _ in range(LOOKS_MAX):
                if await conn.fetchval(_SENT):
                    break
                await asyncio.sleep(0.05)
            else:
                pytest.fail("pipeline does not send what it has told")
        settings = world.stack.settings["pipeline"]
        client = await nats.connect(settings.nats_url)
        await client.jetstream().purge_stream(f"{settings.installation}_pipeline")
        await client.close()
    finally:
        for service in READERS:
            await world.stack.services[service].start()
    return wanted


async def test_figures_that_pay_cannot_hold_are_parked(world: World) -> None:
    target_id = new_id()
    payload = {
        "version": 1,
        "target_id": str(target_id),
        "target_version": 1,
        "scope": "unit",
        "scope_id": world.units["东区"],
        "metric": "revenue",
        "period": "2025-Q2",
        "value": "1000",
        "actual": "1",
        "currency": "CNY",
        "attainment": "0.001",
        "partition": 0,
        "partition_actual": "1",
        "fact_id": None,
        "fact_version": None,
    }
    kind = AttainmentUpdated.TYPE
    wrong = await tell(world, "targets", kind, target_id, {**payload, "partition": 99_999})
    strange = await tell(world, "targets", kind, target_id, {**payload, "period": "何时"})
    await world.won_deal(GOOD)
    await world.settle()
    found = await parked(world, "performance")
    assert found.keys() == {wrong, strange}
    assert await world.incentive(LI) == "50.00"
    assert await settle_all(world, "performance", "discard") == 2
    await whole(world.stack, about=POISONED)


async def test_a_newer_version_is_replayed_once_this_release_knows_it(world: World) -> None:
    deal_id = new_id()
    await tell(world, "pipeline", WON_V2, deal_id, fact(world, deal_id))
    await world.won_deal(GOOD)
    await world.settle()
    assert await world.revenue(LI) == "1000.00"
    (item,) = (await world.get("/targets/v1/parked", state="parked"))["items"]
    early = await world.http.post(f"/targets/v1/parked/{item['id']}/replay")
    assert (early.status_code, early.json()["code"]) == (422, "unknown_contract")
    try:  # as an upgrade of the services would
        published(WON_V2, read="deals:read", subject="deal_id")(type("WonAgain", (DealFact,), {}))
        for service in READERS:
            assert await settle_all(world, service, "replay") == 1
    finally:
        contracts._BY_TYPE.pop(WON_V2)
    await world.settle()
    # 1,000 + 500; × 5 %
    assert (await world.revenue(LI), await world.incentive(LI)) == ("1500.00", "75.00")
    await whole(world.stack, about=POISONED)


async def test_replay_works_once_the_cause_is_mended_and_what_is_old_changes_nothing(
    world: World,
) -> None:
    async with schema(world.stack, "targets") as conn:
        await conn.execute(REFUSE)
        try:
            corrected = await world.won_deal("600000.00")
            await world.won_deal("700000.00")
            await world.won_deal(GOOD)
            await world.settle()
            assert await world.revenue(LI) == "1000.00"
            items = (await world.get("/targets/v1/parked", state="parked"))["items"]
            assert len(items) == 2
            early = await world.http.post(f"/targets/v1/parked/{items[0]['id']}/replay")
            assert (early.status_code, early.json()["code"]) == (409, "still_refused")
            await world.edit(corrected, amount={"amount": "300000.00", "currency": "CNY"})
            await world.settle()
            assert await world.revenue(LI) == "301000.00"
        finally:
            await conn.execute(MEND)
    # The older version of the corrected deal comes too late, the other deal just in time.
    assert await settle_all(world, "targets", "replay") == 2
    await world.settle()
    # 300,000 + 700,000 + 1,000; × 5 %
    assert (await world.revenue(LI), await world.incentive(LI)) == ("1001000.00", "50050.00")
    await whole(world.stack, about=POISONED)


def envelope(number: int, previous_id: object, **changes: str) -> dict[str, str]:
    """Return the headers of an event that its source never told."""
    return {
        "ce-specversion": "1.0",
        "ce-id": str(new_id()),
        "ce-source": "pipeline",
        "ce-type": DealWon.TYPE,
        "ce-subject": str(new_id()),
        "ce-time": "2025-05-15T08:00:00+00:00",
        "ce-partition": "0",
        "ce-sequence": str(number),
        "ce-previousid": str(previous_id),
        "ce-aggregateversion": "1",
        "ce-correlationid": str(new_id()),
        "ce-origin": "live",
        **changes,
    }


STRANGE: Mapping[str, Callable[[int, object], tuple[dict[str, str] | None, bytes]]] = {
    "no envelope": lambda _, __: (None, "陌生人的消息".encode()),
    "half an envelope": lambda _, __: ({"ce-id": "不是编号".encode().hex()}, b"{}"),
    "a number far ahead": lambda _, last: (envelope(999_999, last), b"{}"),
    "no such link": lambda number, _: (envelope(number, new_id()), b"{}"),
    "bytes that are no text": lambda number, last: (envelope(number, last), b"\xff\xfe\x00"),
    "foreign content": lambda number, last: (envelope(number, last), '{"陌生":1}'.encode()),
    "another source": lambda number, last: (
        envelope(number, last, **{"ce-source": "targets"}),
        b"{}",
    ),
    "a status of the broker": lambda _, __: ({"Status": "409", "Description": "Deleted"}, b""),
}


@pytest.mark.parametrize("kind", STRANGE)
async def test_a_stranger_on_the_broker_neither_stops_nor_corrupts_a_consumer(
    world: World, kind: str
) -> None:
    settings = world.stack.settings["pipeline"]
    await world.settle()
    async with schema(world.stack, "pipeline") as conn:
        row = await conn.fetchrow(_HEAD)
    headers, body = STRANGE[kind](row["head"] + 1, row["head_event_id"])
    client = await nats.connect(settings.nats_url)
    try:
        told = await client.jetstream().publish(
            f"{settings.installation}.pipeline.0.{DealWon.TYPE}", body, headers=headers
        )
    finally:
        await client.close()
    deals = 0
    async with asyncio.timeout(20):
        while not deals or not await _has_passed(world, told.seq):
            await world.won_deal(GOOD)
            await world.settle()
            deals += 1
    assert await world.revenue(LI) == f"{deals}000.00"
    assert await world.incentive(LI) == f"{deals * 50}.00"
    for service in READERS:
        assert not await parked(world, service)
    await whole(world.stack, about=POISONED)


async def _has_passed(world: World, sequence: int) -> bool:
    """Tell whether every reader has gone on in the stream itself behind a message."""
    for service in READERS:
        async with schema(world.stack, service) as conn:
            if await conn.fetchval(_PLACE) <= sequence:
                return False
    return True
