"""Statements over HTTP: every sum agrees, every line has its reason, every list ends."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from shared.ids import derived_id
from tests.service.conftest import Installation
from tests.service.performance_world import Json, World, commission, deal, performance, target

LI, WANG, ANN = sorted(derived_id("member", name) for name in ("李雷", "王芳", "Ann"))
FIRST, SECOND = (derived_id("deal", number) for number in (1, 2))


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[World]:
    async with performance(installation) as made:
        yield made


async def test_a_statement_explains_every_cent(world: World) -> None:
    made = await world.make(payees=[LI])
    await world.tell(target(LI, "100000"))
    await world.tell(deal({LI: "90000"}, deal_id=FIRST, on="2017-04-03"))
    await world.tell(deal({LI: "60000"}, deal_id=SECOND, on="2017-05-10"))
    statement = await world.statement(LI)
    (component,) = statement.pop("components")
    assert statement == {
        "payee_id": str(LI),
        "period": "2017-Q2",
        "start": "2017-04-01",
        "end": "2017-07-01",
        "waits": True,
        "totals": [cny("9000.00")],
    }
    lines, deals = component.pop("lines"), component.pop("credits")
    incentive_id = str(derived_id("incentive", LI, made["id"], "收入提成", "2017-Q2"))
    assert component == {
        "incentive_id": incentive_id,
        "version": 3,
        "plan_id": made["id"],
        "plan_version": 1,
        "component": "收入提成",
        "amount": cny("9000.00"),
        "posted": cny("9000.00"),
        "measured": cny("150000.00"),
        "quota": cny("100000.00"),
        "attainment": "1.500000",
        "notes": [],
        "left_out": [],
    }
    assert lines == [
        {
            "tier": 1,
            "from": cny("0.00"),
            "to": cny("100000.00"),
            "rate": "0.05",
            "slice": cny("100000.00"),
            "exact": cny("5000.00"),
            "amount": cny("5000.00"),
            "text": {
                "en": "100000.00 above 0.00 at 5.00%",
                "zh": "0.00 以上部分 100000.00，按 5.00%",
            },
        },
        {
            "tier": 2,
            "from": cny("100000.00"),
            "to": None,
            "rate": "0.08",
            "slice": cny("50000.00"),
            "exact": cny("4000.00"),
            "amount": cny("4000.00"),
            "text": {
                "en": "50000.00 above 100000.00 at 8.00%",
                "zh": "100000.00 以上部分 50000.00，按 8.00%",
            },
        },
    ]
    # The second deal takes the total from 90000 over the target of 100000: 500 + 4000.
    assert deals == [
        part(FIRST, "2017-04-03", "90000.00", "90000.00", "4500.00"),
        part(SECOND, "2017-05-10", "60000.00", "150000.00", "4500.00"),
    ]
    await world.settle()
    assert not (await world.statement(LI))["waits"]


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def part(deal_id: UUID, day: str, amount: str, cumulative: str, commission: str) -> object:
    return {
        "fact_id": str(deal_id),
        "occurred_on": day,
        "amount": cny(amount),
        "cumulative": cny(cumulative),
        "commission": cny(commission),
    }


async def test_deals_that_cancelled_out_are_not_behind_the_pay(world: World) -> None:
    await world.make(payees=[LI])
    await world.tell(deal({LI: "100"}, deal_id=FIRST), deal({LI: "30"}, deal_id=SECOND))
    await world.tell(deal({LI: "100"}, deal_id=FIRST, version=2, lost=True))
    (component,) = (await world.statement(LI))["components"]
    assert [found["fact_id"] for found in component["credits"]] == [str(SECOND)]


async def test_the_ledger_names_the_cause_of_each_difference(world: World) -> None:
    made = await world.make(payees=[LI])
    await world.tell(deal({LI: "1000"}), deal({LI: "500"}))
    await world.tell(target(LI, "1000"))
    answer = await world.http.get(f"/v1/statements/{LI}/2017-Q2/entries")
    entries = answer.json()["items"]
    causes = [(e["source"], e["partition"], e["first"], e["last"]) for e in entries]
    # Without a target all is in the first tier; the target moves 500 of it to the second.
    assert [(e["tier"], e["amount"]["amount"]) for e in entries if e["source"] == "pipeline"] == [
        (1, "75.00")
    ]
    assert {e["tier"]: e["amount"]["amount"] for e in entries if e["source"] == "targets"} == {
        1: "-25.00",
        2: "40.00",
    }
    assert set(causes) == {("pipeline", 0, 1, 2), ("targets", 0, 1, 1)}
    assert {(e["plan_id"], e["plan_version"], e["component"]) for e in entries} == {
        (made["id"], 1, "收入提成")
    }


async def test_what_a_command_caused_leads_back_to_its_request(world: World) -> None:
    await world.tell(deal({LI: "1000"}))
    await world.make(payees=[LI])
    await world.settle()
    (assigned,) = await world.outbox("plan.assigned")
    (told,) = await world.outbox("incentive")
    (entry,) = (await world.http.get(f"/v1/statements/{LI}/2017-Q2/entries")).json()["items"]
    assert entry["correlation_id"] == str(assigned["correlation_id"])
    assert told["correlation_id"] == assigned["correlation_id"]
    assert (entry["source"], entry["first"]) == ("performance", None)


async def test_statements_of_a_period_are_paged_by_payee(world: World) -> None:
    await world.make(payees=[LI, WANG, ANN])
    await world.make(commission(key="美元"), payees=[WANG], currency="USD", name="USD")
    await world.tell(deal({LI: "100"}), deal({WANG: "200"}), deal({ANN: "300"}))
    await world.tell(deal({WANG: "400"}, currency="USD"))
    first = (await world.http.get("/v1/statements?period=2017-Q2&limit=2")).json()
    rest = (await world.http.get(f"/v1/statements?period=2017-Q2&cursor={first['next']}")).json()
    usd = {"amount": "20.00", "currency": "USD"}
    assert first["items"] == [
        {"payee_id": str(LI), "totals": [cny("5.00")]},
        {"payee_id": str(WANG), "totals": [cny("10.00"), usd]},
    ]
    assert rest == {"items": [{"payee_id": str(ANN), "totals": [cny("15.00")]}], "next": None}


async def test_the_lists_behind_a_statement_go_on_where_they_stopped(world: World) -> None:
    await world.make(payees=[LI])
    for number in range(5):
        await world.tell(deal({LI: "100"}, on=f"2017-05-0{5 - number}", quantity="3"))
    entries = await pages(world, f"/v1/statements/{LI}/2017-Q2/entries?limit=2")
    posted = await pages(world, f"/v1/credits?payee_id={LI}&period=2017-Q2&limit=3")
    assert [entry["amount"]["amount"] for entry in entries] == ["5.00"] * 5
    assert len({entry["id"] for entry in entries}) == 5
    assert [credit["occurred_on"][-2:] for credit in posted] == sorted(
        ["01", "02", "03", "04", "05"] * 2
    )
    amounts = {(c["metric"], c["commission_amount"], c["currency"]) for c in posted}
    assert amounts == {("revenue", "100.00", "CNY"), ("units", "3", None)}


async def pages(world: World, path: str) -> list[Json]:
    found: list[Json] = []
    cursor = ""
    while True:
        page = (await world.http.get(path + cursor)).json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


REFUSED = [
    (f"/v1/statements/{LI}/2017-Q2", 404, "statement_not_found"),
    (f"/v1/statements/{LI}/2026", 422, "statement_by_quarter"),
    (f"/v1/statements/{LI}/2026-M05/entries", 422, "statement_by_quarter"),
    ("/v1/statements?period=2026-H1", 422, "statement_by_quarter"),
    (f"/v1/statements/{LI}/第二季度", 422, "period_unknown"),
    ("/v1/statements/李雷/2017-Q2", 422, "invalid_request"),
    ("/v1/statements?period=2017-Q5", 422, "period_unknown"),
    ("/v1/statements?period=2017-Q2&sort=-payee_id", 422, "sort_field_unknown"),
    ("/v1/statements", 422, "invalid_request"),
    (f"/v1/statements/{LI}/2017-Q2/entries?cursor=x", 422, "cursor_invalid"),
    (f"/v1/statements/{LI}/2017-Q2/entries?limit=0", 422, "invalid_request"),
    ("/v1/credits?period=2017-Q2", 422, "invalid_request"),
    (f"/v1/credits?payee_id={LI}&period=9999", 422, "period_unknown"),
]


async def test_what_cannot_be_read_is_refused_with_a_reason(world: World) -> None:
    for path, status, code in REFUSED:
        answer = await world.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


async def test_pay_is_not_for_everybody(installation: Installation) -> None:
    for role in ("hr", "sales_ops", "integration"):
        async with installation.api("performance", roles=(role,)) as http:
            for path in ("/v1/statements?period=2017-Q2", f"/v1/statements/{LI}/2017-Q2"):
                assert (await http.get(path)).status_code == 403
