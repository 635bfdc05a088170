"""What is refused is refused whole, says where and why, in the caller's language."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from shared.ids import new_id
from tests.flow.world import LI, WANG, World, client, money

PROBLEM = "application/problem+json"
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9"}


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


async def refused(
    world: World, path: str, body: object, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Send what must be refused, and see that no feed grew by it."""
    before = await world.settle()
    key = {"Idempotency-Key": str(new_id())}
    answer = await world.http.post(path, json=body, headers={**key, **(headers or {})})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert await world.settle() == before
    problem: dict[str, Any] = answer.json()
    return problem


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": {"amount": 100, "currency": "CNY"}}, "/amount/amount"),
        ({"amount": {"amount": "1.005", "currency": "CNY"}}, "/amount"),
        ({"amount": {"amount": "1.00", "currency": "RMB"}}, "/amount/currency"),
        ({"opened_on": "2025-02-30"}, "/opened_on"),
        ({"name": "灯\u0000塔"}, "/name"),
        ({"naem": "灯塔"}, "/naem"),
        ({"account_id": "0192d7a4-5d1c-7c3e-8f00-0000000000aa"}, "/account_id"),
    ],
)
async def test_a_fault_is_named_by_its_pointer_in_both_languages(
    world: World, change: dict[str, object], pointer: str
) -> None:
    body = {**world.terms("100.00"), **change}
    english = await refused(world, "/pipeline/v1/deals", body)
    chinese = await refused(world, "/pipeline/v1/deals", body, CHINESE)
    assert [fault["pointer"] for fault in english["errors"]] == [pointer]
    assert [fault["pointer"] for fault in chinese["errors"]] == [pointer]
    assert english["code"] == chinese["code"]
    assert not is_chinese(english["errors"][0]["detail"])
    assert is_chinese(chinese["errors"][0]["detail"])


async def test_one_bad_record_among_many_leaves_none_of_them(world: World) -> None:
    records = [
        {
            **world.terms("100.00"),
            "external": {"source": "crm", "id": f"{world.members[LI]}-{place}"},
            "stage": "won",
            "closed_on": "2025-05-15",
        }
        for place in range(3)
    ]
    records[2]["shares"] = [
        {"member_id": world.members[LI], "share": "0.5"},
        {"member_id": world.members[WANG], "share": "0.4"},
    ]
    problem = await refused(world, "/pipeline/v1/deals/bulk", {"deals": records}, CHINESE)
    assert problem["code"] == "shares_not_whole"
    assert [fault["pointer"] for fault in problem["errors"]] == ["/deals/2/shares"]
    assert is_chinese(problem["detail"])
    listed = await world.get("/pipeline/v1/deals", owner_id=world.members[LI])
    assert listed["items"] == []
    assert await world.revenue(LI) == "0"


async def test_a_plan_with_a_gap_is_refused_where_the_gap_is(world: World) -> None:
    plan = await world.get(f"/performance/v1/plans/{await world.pay_sellers()}")
    (version,) = plan["versions"]
    component = version["components"][0]
    component["table"]["tiers"][1]["from"] = "1.2"
    body = {
        "name": "有空缺的方案",
        "valid_from": "2025-01-01",
        "currency": "CNY",
        "components": [component],
    }
    problem = await refused(world, "/performance/v1/plans", body, CHINESE)
    assert problem["errors"][0]["pointer"] == "/components/0/table/tiers/1/from"
    assert is_chinese(problem["detail"])


async def test_a_key_that_is_sent_again_gives_the_first_answer_and_no_second_deal(
    world: World,
) -> None:
    key = {"Idempotency-Key": f"open-{world.members[LI]}"}
    terms = world.terms("1000.00")
    first = await world.http.post("/pipeline/v1/deals", json=terms, headers=key)
    again = await world.http.post("/pipeline/v1/deals", json=terms, headers=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again.headers["idempotency-replayed"] == "true"
    listed = await world.get("/pipeline/v1/deals", owner_id=world.members[LI])
    assert len(listed["items"]) == 1

    other = {**terms, "amount": money("2000.00")}
    reused = await world.http.post("/pipeline/v1/deals", json=other, headers={**key, **CHINESE})
    assert reused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert reused.json()["code"] == "idempotency_key_reused"


async def test_pay_is_not_for_strangers(world: World) -> None:
    await world.pay_sellers()
    await world.won_deal("1000.00")
    await world.settle()
    path = f"/performance/v1/statements/{world.members[LI]}/2025-Q2"
    async with client(world.stack, "integration") as stranger:
        answer = await stranger.get(path, headers=CHINESE)
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert answer.headers["content-type"] == PROBLEM
        assert is_chinese(answer.json()["detail"])
        assert (await stranger.get("/performance/v1/credits")).status_code == 403
        assert (await stranger.get("/performance/v1/plans")).status_code == 403
    async with client(world.stack) as nobody:
        answer = await nobody.get(path)
        assert answer.status_code == httpx.codes.UNAUTHORIZED
        assert answer.headers["www-authenticate"] == "Bearer"
    async with client(world.stack, "finance") as finance:
        assert (await finance.get(path)).status_code == httpx.codes.OK
