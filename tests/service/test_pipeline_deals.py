"""Deals over HTTP: what is asked, what is stored, what is told, what is refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from shared.ids import new_id
from tests.service.conftest import Installation

SELLER, PARTNER = str(new_id()), str(new_id())
CNY = "CNY"


@pytest.fixture
async def api(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("pipeline") as client:
        yield client


def terms(amount: str = "1200.00", **more: Any) -> dict[str, Any]:
    return {
        "name": "灯塔项目 Pharos",
        "owner_id": SELLER,
        "amount": {"amount": amount, "currency": CNY},
        "opened_on": "2026-10-08",
        **more,
    }


def fresh() -> dict[str, str]:
    """Return a key for one request."""
    return {"Idempotency-Key": str(new_id())}


async def opened(api: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await api.post("/v1/deals", json=terms(**more), headers=fresh())
    assert answer.status_code == 201, answer.text
    deal: dict[str, Any] = answer.json()
    return deal


async def moved(api: httpx.AsyncClient, deal: dict[str, Any], **step: Any) -> httpx.Response:
    return await api.post(f"/v1/deals/{deal['id']}/transitions", json=step)


async def outbox(installation: Installation) -> list[tuple[str, dict[str, Any]]]:
    """Return the events that wait in the outbox: (type, payload)."""
    async with installation.open("pipeline") as database, database.acquire() as conn:
        rows = await conn.fetch("SELECT type, payload FROM outbox ORDER BY id")
    return [(row["type"], orjson.loads(row["payload"])) for row in rows]


async def test_a_won_deal_is_answered_stored_and_told_whole(
    api: httpx.AsyncClient, installation: Installation
) -> None:
    deal = await opened(api)
    answer = await moved(api, deal, to="won", on="2026-11-20")
    assert answer.status_code == 200
    won = answer.json()
    assert (won["stage"], won["version"], won["closed_on"]) == ("won", 2, "2026-11-20")
    assert (await api.get(f"/v1/deals/{deal['id']}")).json() == won
    (_, _), (kind, fact) = await outbox(installation)
    assert kind == "pharos.pipeline.deal.won.v1"
    assert fact["version"] == 2
    (share,) = fact["shares"]
    assert (share["member_id"], share["share"], share["quantity"]) == (SELLER, "1", "0")
    assert share["amount"] == fact["amount"] == {"amount": "1200.00", "currency": CNY}


async def test_a_split_sums_to_the_whole(api: httpx.AsyncClient) -> None:
    shares = [
        {"member_id": SELLER, "share": "0.333333"},
        {"member_id": PARTNER, "share": "0.666667"},
    ]
    deal = await opened(api, amount="100.01", shares=shares)
    # 100.01 × 0.333333 = 33.3366…; 100.01 × 0.666667 = 66.6733…: the odd cent goes to the first
    assert [share["amount"]["amount"] for share in deal["shares"]] == ["33.34", "66.67"]


async def test_what_is_refused_leaves_nothing_behind(
    api: httpx.AsyncClient, installation: Installation
) -> None:
    deal = await opened(api)
    before = await outbox(installation)
    for step, code, pointer in [
        ({"to": "won"}, "closing_date_missing", "/on"),
        ({"to": "won", "on": "2026-10-07"}, "closed_before_opened", "/on"),
        ({"to": "open"}, "deal_is_open", "/to"),
    ]:
        problem = (await moved(api, deal, **step)).json()
        assert (problem["code"], problem["errors"][0]["pointer"]) == (code, pointer)
    assert await outbox(installation) == before
    assert (await api.get(f"/v1/deals/{deal['id']}")).json() == deal


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": {"amount": 12.5, "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": "1e5", "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": "１２", "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": "1.005", "currency": "CNY"}}, "/amount"),
        ({"amount": {"amount": "1.00", "currency": "XXY"}}, "/amount/currency"),
        ({"name": "a\u0000b"}, "/name"),
        ({"name": "  "}, "/name"),
        ({"opened_on": "2026-02-30"}, "/opened_on"),
        ({"owner_id": "7"}, "/owner_id"),
        ({"unknown": 1}, "/unknown"),
        ({"account_id": str(UUID(int=7))}, "/account_id"),
        ({"shares": [{"member_id": SELLER, "share": "0.5"}]}, "/shares"),
        ({"amount": None}, "/amount"),
    ],
)
async def test_bad_input_is_named_by_its_pointer(
    api: httpx.AsyncClient, installation: Installation, change: dict[str, Any], pointer: str
) -> None:
    answer = await api.post("/v1/deals", json={**terms(), **change}, headers=fresh())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert problem["trace_id"]
    assert await outbox(installation) == []


@pytest.mark.parametrize("body", [b"{", b'{"name": NaN}', b"\xff\xfe", b"[1"])
async def test_a_body_that_is_no_json_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await api.post(
        "/v1/deals", content=body, headers={**fresh(), "content-type": "application/json"}
    )
    assert answer.status_code == 422


async def test_problems_come_in_chinese_too(api: httpx.AsyncClient) -> None:
    deal = await opened(api)
    await moved(api, deal, to="lost", on="2026-11-20")
    api.headers["accept-language"] = "zh-CN,zh;q=0.9,en;q=0.1"
    problem = (await moved(api, deal, to="won", on="2026-11-20")).json()
    assert problem["detail"] == f"商机 {deal['id']} 已是 lost 状态，请先重新打开。"


async def test_the_same_key_gives_the_same_answer_and_one_effect(
    api: httpx.AsyncClient, installation: Installation
) -> None:
    headers = {"Idempotency-Key": "一次".encode().hex()}
    answers = await asyncio.gather(
        *(api.post("/v1/deals", json=terms(), headers=headers) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = sum("idempotency-replayed" in answer.headers for answer in answers)
    assert replayed == 7
    assert len(await outbox(installation)) == 1
    other = await api.post("/v1/deals", json=terms(amount="1.00"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_deal_is_opened_under_a_key_only(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/deals", json=terms())
    assert (answer.status_code, answer.json()["code"]) == (428, "idempotency_key_required")


async def test_a_key_of_a_refused_request_can_be_used_again(api: httpx.AsyncClient) -> None:
    deal = await opened(api)
    url = f"/v1/deals/{deal['id']}/transitions"
    headers = {"Idempotency-Key": "reopen-1"}
    first = await api.post(url, json={"to": "open"}, headers=headers)
    assert first.status_code == 409
    await moved(api, deal, to="lost", on="2026-11-20")
    again = await api.post(url, json={"to": "open"}, headers=headers)
    assert again.status_code == 200


def record(number: int, **more: Any) -> dict[str, Any]:
    return {**terms(**more), "external": {"source": "旧系统", "id": f"单/{number}"}}


async def test_records_of_another_system_are_taken_once(
    api: httpx.AsyncClient, installation: Installation
) -> None:
    won = record(2, stage="won", closed_on="2026-11-01")
    body = {"origin": "import", "deals": [record(1), won]}
    first = (await api.post("/v1/deals/bulk", json=body)).json()["deals"]
    assert [deal["outcome"] for deal in first] == ["created", "created"]
    told = await outbox(installation)
    assert [kind.split(".")[3] for kind, _ in told] == ["opened", "won"]
    again = (await api.post("/v1/deals/bulk", json=body)).json()["deals"]
    assert [deal["outcome"] for deal in again] == ["unchanged", "unchanged"]
    body["deals"] = [record(1, amount="5.00")]
    changed = (await api.post("/v1/deals/bulk", json=body)).json()["deals"]
    assert [(deal["outcome"], deal["version"]) for deal in changed] == [("updated", 2)]
    assert len(await outbox(installation)) == len(told) + 1


async def test_one_bad_record_refuses_all_and_is_named(
    api: httpx.AsyncClient, installation: Installation
) -> None:
    bad = record(2, stage="won")
    answer = await api.post("/v1/deals/bulk", json={"deals": [record(1), bad]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/deals/1/closed_on"
    assert await outbox(installation) == []


async def test_lists_go_on_by_cursor_and_narrow(api: httpx.AsyncClient) -> None:
    deals = [await opened(api) for _ in range(5)]
    await moved(api, deals[0], to="won", on="2026-11-01")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get("/v1/deals", params={"limit": 2, **cursor})).json()
        seen += [deal["id"] for deal in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == sorted(deal["id"] for deal in deals)
    won = (await api.get("/v1/deals", params={"stage": "won"})).json()["items"]
    assert [deal["id"] for deal in won] == [deals[0]["id"]]
    bad = await api.get("/v1/deals", params={"cursor": "bm9wZQ=="})
    assert (bad.status_code, bad.json()["code"]) == (422, "cursor_invalid")


async def test_strangers_get_no_further_than_the_door(installation: Installation) -> None:
    async with installation.api("pipeline", roles=("hr",)) as stranger:
        assert (await stranger.get("/v1/deals")).status_code == 403
        del stranger.headers["authorization"]
        assert (await stranger.post("/v1/deals", content=b"{")).status_code == 401
        stranger.headers["authorization"] = "Bearer nonsense"
        assert (await stranger.get("/v1/deals")).status_code == 401
        assert (await stranger.get("/health/live")).status_code == 200


async def test_the_same_record_sent_twice_at_once_is_taken_once(
    api: httpx.AsyncClient, installation: Installation
) -> None:
    body = {"deals": [record(1), record(2)]}
    answers = await asyncio.gather(*(api.post("/v1/deals/bulk", json=body) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    outcomes = sorted(answer.json()["deals"][0]["outcome"] for answer in answers)
    assert outcomes == ["created", *["unchanged"] * 5]
    assert len(await outbox(installation)) == 2


async def test_a_step_beside_an_edit_tells_of_the_deal_as_it_is(
    api: httpx.AsyncClient, installation: Installation
) -> None:
    shares = [{"member_id": SELLER, "share": "0.1"}, {"member_id": PARTNER, "share": "0.9"}]
    for _ in range(12):
        deal = await opened(api)
        await asyncio.gather(
            api.patch(
                f"/v1/deals/{deal['id']}", json={"shares": shares}, headers={"If-Match": "*"}
            ),
            moved(api, deal, to="won", on="2026-11-20"),
        )
    told = {fact["deal_id"]: fact for _, fact in await outbox(installation)}  # the last of each
    for deal_id, fact in told.items():
        deal = (await api.get(f"/v1/deals/{deal_id}")).json()
        assert fact["version"] == deal["version"] == 3
        assert [share["amount"] for share in fact["shares"]] == [
            share["amount"] for share in deal["shares"]
        ]
