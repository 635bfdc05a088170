"""Lists over HTTP: filtered, ordered, paged, trimmed, counted."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from shared.ids import new_id
from tests.service.conftest import Installation

LI, WANG = str(new_id()), str(new_id())
DAYS = [None, "2025-03-31", "2025-04-01", None, "2025-03-31", "2025-06-30", "2025-04-01"]


@pytest.fixture
async def api(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("pipeline") as client:
        for place, day in enumerate(DAYS):
            terms = {
                "name": f"灯塔项目 {place}",
                "owner_id": LI if place % 2 else WANG,
                "amount": {"amount": f"{place * 100 % 500}.50", "currency": "CNY"},
                "opened_on": "2025-01-01",
            }
            key = {"Idempotency-Key": f"deal-{place}"}
            deal = (await client.post("/v1/deals", json=terms, headers=key)).json()
            if day is not None:
                step = {"to": "won", "on": day}
                await client.post(f"/v1/deals/{deal['id']}/transitions", json=step)
        yield client


async def page(api: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    """Return a page of deals."""
    if "filter" in asked:
        asked["filter"] = orjson.dumps(asked["filter"]).decode()
    answer = await api.get("/v1/deals", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def everything(api: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    """Return all items of a list, page by page, by the links that its answers give."""
    items: list[dict[str, Any]] = []
    answer = await api.get("/v1/deals", params=asked)
    while True:
        items += answer.json()["items"]
        following = re.search(r'<([^>]*)>; rel="next"', answer.headers["link"])
        assert (following is None) == (answer.json()["next"] is None)
        if following is None:
            return items
        answer = await api.get(f"/v1/deals{following[1]}")
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "sort",
    [
        *("closed_on", "-closed_on", "amount", "-id"),
        *("closed_on,-amount", "-closed_on,amount", "-closed_on,-amount", "opened_on,closed_on"),
        *("opened_on,-closed_on", "opened_on,amount", "-opened_on,-closed_on,amount"),
    ],
)
async def test_pages_of_any_size_give_the_list_in_its_order(
    api: httpx.AsyncClient, sort: str
) -> None:
    whole = await everything(api, sort=sort, limit=200)
    assert len(whole) == len(DAYS)
    for limit in (1, 2, 3):
        assert await everything(api, sort=sort, limit=limit) == whole
    days = [deal["closed_on"] for deal in whole]
    missing_last = sorted(days, key=lambda day: (day is None, day))
    if sort == "closed_on":
        assert days == missing_last
    if sort == "-closed_on":
        assert days == missing_last[::-1]


async def test_a_cursor_holds_the_longest_name(installation: Installation) -> None:
    # 200 characters of four bytes each, the most that a name can be.
    names = [f"{place}{chr(0x20000) * 199}" for place in range(3)]
    async with installation.api("pipeline") as api:
        for name in names:
            await api.post("/v1/accounts", json={"name": name})
        found: list[str] = []
        cursor: dict[str, str] = {}
        for _ in names:
            answer = await api.get("/v1/accounts", params={"sort": "name", "limit": 1, **cursor})
            assert answer.status_code == 200, answer.text
            found += [account["name"] for account in answer.json()["items"]]
            cursor = {"cursor": answer.json()["next"]}
    assert found == names


async def test_a_filter_takes_what_it_says_and_shorthands_narrow_it(api: httpx.AsyncClient) -> None:
    spring = {
        "and": [
            {"field": "closed_on", "op": "gte", "value": "2025-04-01"},
            {"field": "name", "op": "contains", "value": "项目"},
            {"not": {"field": "name", "op": "starts_with", "value": "海鸥"}},
        ]
    }
    found = await page(api, filter=spring, count="true")
    assert sorted(deal["closed_on"] for deal in found["items"]) == [
        "2025-04-01",
        "2025-04-01",
        "2025-06-30",
    ]
    assert found["total"] == 3
    (own,) = (await page(api, filter=spring, owner_id=LI, stage="won"))["items"]
    assert (own["owner_id"], own["closed_on"]) == (LI, "2025-06-30")


async def test_only_the_fields_that_are_wanted_come_and_the_id(api: httpx.AsyncClient) -> None:
    for deal in (await page(api, fields="name,stage", limit=2))["items"]:
        assert deal.keys() == {"id", "name", "stage"}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"sort": "name"}, "sort_field_unknown"),
        ({"sort": "id,amount,opened_on,closed_on"}, "sort_field_unknown"),
        ({"sort": ""}, "invalid_request"),
        ({"filter": "[]"}, "invalid_request"),
        ({"fields": "salary"}, "field_unknown"),
        ({"filter": "{}"}, "filter_not_readable"),
        ({"cursor": "eyJ4IjoxfQ"}, "cursor_invalid"),
        ({"cursor": "bnVsbA"}, "cursor_invalid"),
    ],
)
async def test_what_a_list_cannot_answer_is_refused(
    api: httpx.AsyncClient, asked: dict[str, str], code: str
) -> None:
    answer = await api.get("/v1/deals", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_cursor_is_good_for_its_own_filter_and_order_only(api: httpx.AsyncClient) -> None:
    cursor = (await page(api, sort="amount", limit=1))["next"]
    for other in ({"sort": "-amount"}, {"sort": "amount", "stage": "won"}, {}):
        answer = await api.get("/v1/deals", params={**other, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")
    assert (await page(api, sort="amount", limit=3, cursor=cursor))["items"]
