"""Mapping profiles: stored, recognised, named, and held to what the noun has."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import imported, known_as_members, rows
from tests.service.jobs.records import counts
from tests.unit.tables.samples import folder_of_samples

OWNER = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10"
ORDERS: dict[str, Any] = {
    "title": "超市订单",
    "recognised_by": ["行 ID", "订单日期", "销售额"],
    "fields": {
        "source": {"constant": "superstore"},
        "external_id": {"column": "行 ID", "digits": 6},
        "name": {"column": "产品名称", "half_width": True},
        "owner_id": {"column": "地区", "values": {"华东": OWNER}, "default": OWNER},
        "amount": {"column": "销售额", "decimals": 2},
        "currency": {"constant": "CNY"},
        "stage": {"column": "状态", "values": {"成交": "won"}, "default": "won"},
        "opened_on": {"column": "订单日期", "date": "YYYY-MM-DD"},
        "closed_on": {"column": "订单日期", "date": "YYYY-MM-DD"},
    },
}
ORDERS["fields"]["owner_id"]["values"] |= dict.fromkeys(
    ("东北", "中南", "华北", "西北", "西南"), OWNER
)
FILE = (
    "行 ID,订单日期,地区,产品名称,销售额\n"
    "1,2017-04-27,华东,Fiskars　剪刀，蓝色,119.55999999999999\n"
    "2,27/04/2017,西南,信封,5\n"
)


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    await known_as_members(installation, "pipeline", OWNER)
    async with installation.api("pipeline", role=Role.ALL) as made:
        yield made


async def put(client: httpx.AsyncClient, name: str, profile: dict[str, Any]) -> httpx.Response:
    return await client.put(f"/v1/import-profiles/deals/{name}", json=profile)


async def test_a_profile_is_recognised_by_the_header_or_named(client: httpx.AsyncClient) -> None:
    assert (await put(client, "superstore", ORDERS)).json()["version"] == 1
    named = await imported(client, "deals", FILE, profile="superstore")
    done = await imported(client, "deals", FILE)
    assert named["counts"] == counts(created=1, refused=1)
    assert done["counts"] == counts(unchanged=1, refused=1)
    assert (named["profile"], done["profile"]) == ("superstore", "superstore")
    deal = (await client.get("/v1/deals")).json()["items"][0]
    assert deal["external"] == {"source": "superstore", "id": "000001"}
    assert deal["name"] == "Fiskars 剪刀,蓝色"
    assert deal["amount"] == {"amount": "119.56", "currency": "CNY"}
    assert (deal["stage"], deal["closed_on"], deal["owner_id"]) == ("won", "2017-04-27", OWNER)
    refused = (await rows(client, done["id"], "refused", "zh"))[0]
    assert {(p["column"], p["field"], p["code"]) for p in refused["problems"]} == {
        ("订单日期", "opened_on", "not_a_date"),
        ("订单日期", "closed_on", "not_a_date"),
    }


async def test_a_profile_has_versions_and_the_same_again_is_none(client: httpx.AsyncClient) -> None:
    other = {**ORDERS, "title": "订单"}
    versions = [(await put(client, "x", p)).json()["version"] for p in (ORDERS, ORDERS, other)]
    assert versions == [1, 1, 2]
    listed = (await client.get("/v1/import-profiles/deals")).json()["items"]
    mine = next(one for one in listed if one["name"] == "x")
    assert (mine["version"], mine["profile"]["title"]) == (2, "订单")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({**ORDERS["fields"], "colour": {"constant": "红"}}, "profile_field_unknown"),
        ({"name": {"column": "名称"}}, "field_not_filled"),
        ({"name": {"column": "名称", "constant": "x"}}, "invalid_request"),
        ({"name": {}}, "invalid_request"),
        ({"opened_on": {"column": "日", "date": "DD/MM/YY"}}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
async def test_a_profile_that_does_not_fit_is_refused(
    client: httpx.AsyncClient, fields: dict[str, Any], code: str
) -> None:
    answer = await put(client, "x", {"fields": fields})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_unknown_profile_fails_the_import(client: httpx.AsyncClient) -> None:
    failed = await imported(client, "deals", FILE, profile="不在")
    assert failed["failure"]["code"] == "profile_unknown"


async def test_a_file_without_a_column_of_the_profile_fails(client: httpx.AsyncClient) -> None:
    await put(client, "superstore", ORDERS)
    failed = await imported(client, "deals", "a,b\n1,2\n", profile="superstore")
    assert failed["failure"]["code"] == "columns_missing"


async def test_the_nouns_and_their_fields_are_listed(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/import-nouns")).json()["items"]
    assert [one["noun"] for one in found] == ["accounts", "products", "deals"]
    fields = {field["field"]: field for field in found[2]["fields"]}
    assert (fields["amount"]["required"], fields["amount"]["kind"]) == (True, "decimal")


async def test_a_real_export_of_chinese_orders_becomes_deals(client: httpx.AsyncClient) -> None:
    content = (folder_of_samples("superstore-zh") / "订单.csv").read_bytes()
    head = b"".join(content.splitlines(keepends=True)[:1_501])
    await put(client, "superstore", ORDERS)
    done = await imported(client, "deals", head.decode().encode("gb18030"), origin="import")
    assert done["counts"] == counts(created=1_500)
    assert done["reading"]["encoding"] == "gb18030"
    again = await imported(client, "deals", head, origin="import")
    assert again["counts"] == counts(unchanged=1_500)


async def test_the_opportunities_of_a_real_export_become_deals(client: httpx.AsyncClient) -> None:
    path = folder_of_samples("crm-export-shapes") / "salesforce_sf_opportunity_data.csv"
    content = path.read_text()
    lines = list(csv.DictReader(io.StringIO(content)))
    profile = {
        "fields": {
            "source": {"constant": "salesforce"},
            "external_id": {"column": "id"},
            "name": {"column": "id"},
            "owner_id": {"constant": OWNER},
            "amount": {"column": "amount"},
            "currency": {"constant": "USD"},
            "stage": {"column": "is_won", "values": {"true": "won", "false": "lost"}},
            "opened_on": {"column": "created_date"},
            "closed_on": {"column": "close_date"},
        }
    }
    assert (await put(client, "salesforce", profile)).status_code == 200
    done = await imported(client, "deals", content, profile="salesforce")
    with_amount = sum(1 for line in lines if line["amount"])
    told = [row["problems"][0] for row in await rows(client, done["id"], "refused")]
    assert done["counts"]["created"] + done["counts"]["refused"] == len(lines)
    assert sum(p["column"] == "amount" for p in told) == len(lines) - with_amount
    assert {p["code"] for p in told} <= {"missing", "closed_before_opened"}
