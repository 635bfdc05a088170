"""Editing a deal over HTTP: what is left out stays, and null takes nothing away but the account."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.ids import new_id
from tests.service.conftest import Installation

SELLER, PARTNER = str(new_id()), str(new_id())


@pytest.fixture
async def api(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("pipeline") as client:
        yield client


async def opened(api: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    terms = {"name": "灯塔项目", "owner_id": SELLER, "opened_on": "2026-10-08"}
    amount = {"amount": {"amount": "1200.00", "currency": "CNY"}}
    key = {"Idempotency-Key": str(new_id())}
    answer = await api.post("/v1/deals", json={**terms, **amount, **more}, headers=key)
    assert answer.status_code == 201, answer.text
    deal: dict[str, Any] = answer.json()
    return deal


async def edited(api: httpx.AsyncClient, deal: dict[str, Any], **edit: Any) -> httpx.Response:
    known = {"If-Match": f'"{deal["version"]}"'}
    return await api.patch(f"/v1/deals/{deal['id']}", json=edit, headers=known)


@pytest.mark.parametrize("field", ["name", "owner_id", "opened_on", "amount", "lines", "shares"])
async def test_null_takes_nothing_away(api: httpx.AsyncClient, field: str) -> None:
    deal = await opened(api)
    answer = await edited(api, deal, **{field: None})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/{field}", "null_refused")


async def test_null_takes_the_account_away(api: httpx.AsyncClient) -> None:
    account = (await api.post("/v1/accounts", json={"name": "上海灯塔"})).json()["id"]
    deal = await opened(api, account_id=account)
    kept = (await edited(api, deal, name="海鸥")).json()
    assert (kept["account_id"], kept["name"], kept["version"]) == (account, "海鸥", 2)
    gone = (await edited(api, kept, account_id=None)).json()
    assert (gone["account_id"], gone["name"], gone["version"]) == (None, "海鸥", 3)


async def test_an_amount_of_zero_is_an_amount(api: httpx.AsyncClient) -> None:
    deal = await opened(api)
    zero = {"amount": "0.00", "currency": "CNY"}
    assert (await edited(api, deal, amount=zero)).json()["amount"] == zero


async def test_a_deal_of_another_system_without_a_worth_is_named(api: httpx.AsyncClient) -> None:
    terms = {"name": "灯塔项目", "owner_id": SELLER, "opened_on": "2026-10-08"}
    worth = {"amount": {"amount": "1.00", "currency": "CNY"}}
    records = [
        {**terms, **worth, "external": {"source": "旧系统", "id": "单/1"}},
        {**terms, "external": {"source": "旧系统", "id": "单/2"}},
    ]
    api.headers["accept-language"] = "zh"
    answer = await api.post("/v1/deals/bulk", json={"deals": records})
    assert (answer.status_code, answer.json()["code"]) == (422, "amount_missing")
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["detail"]) == (
        "/deals/1/amount",
        "请填写金额或明细，或两者都填写。",
    )


async def test_a_change_names_the_version_it_was_made_from(api: httpx.AsyncClient) -> None:
    deal = await opened(api)
    path = f"/v1/deals/{deal['id']}"
    unnamed = await api.patch(path, json={"name": "灯塔二期"})
    assert (unnamed.status_code, unnamed.json()["code"]) == (428, "version_required")
    changed = await edited(api, deal, name="灯塔二期")
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    stale = await edited(api, deal, name="灯塔三期")
    assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")
    assert (await api.get(path)).json()["name"] == "灯塔二期"
    for tags in ('"9", "2"', "*"):
        answer = await api.patch(path, json={"name": "灯塔二期"}, headers={"If-Match": tags})
        assert answer.status_code == 200
    for tags, status in (('W/"2"', 412), ("2", 422), ("two", 422)):
        answer = await api.patch(path, json={"name": "灯塔三期"}, headers={"If-Match": tags})
        assert answer.status_code == status, answer.text


async def test_what_is_known_already_is_not_sent_again(api: httpx.AsyncClient) -> None:
    deal = await opened(api)
    path = f"/v1/deals/{deal['id']}"
    read = await api.get(path)
    assert read.json() == deal
    again = await api.get(path, headers={"If-None-Match": f'"7", {read.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"1"')
    await edited(api, deal, name="灯塔二期")
    assert (await api.get(path, headers={"If-None-Match": '"1"'})).status_code == 200
