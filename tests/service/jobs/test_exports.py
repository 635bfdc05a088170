"""Exports: what the list shows, as a file that an import takes back."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from shared.runtime import Role
from shared.tables.reading import open_table
from tests.service.conftest import Installation
from tests.service.jobs.importing import imported, known_as_members
from tests.service.jobs.records import counts

OWNER, OTHER = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10", "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c11"
MEDIA = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
}


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    await known_as_members(installation, "pipeline", OWNER, OTHER)
    async with installation.api("pipeline", role=Role.ALL) as made:
        yield made


async def make_deals(client: httpx.AsyncClient) -> None:
    """Make a product and three deals: with lines and shares, won, and with a hostile name."""
    product = (await client.put("/v1/products/P-1", json={"name": "灯塔"})).json()["id"]
    lines = [
        {
            "product_id": product,
            "quantity": "2",
            "amount": {"amount": "1200.00", "currency": "CNY"},
        }
    ]
    shares = [{"member_id": OWNER, "share": "0.4"}, {"member_id": OTHER, "share": "0.6"}]
    plain = {"owner_id": OWNER, "opened_on": "2025-01-01"}
    amount = {"amount": "-5.00", "currency": "CNY"}
    deals: list[dict[str, Any]] = [
        {**plain, "name": "东方明珠，二期", "lines": lines, "shares": shares},
        {**plain, "name": '=HYPERLINK("x")', "amount": amount, "owner_id": OTHER},
        {**plain, "name": "许安 大单", "amount": amount, "stage": "won", "closed_on": "2025-03-31"},
    ]
    records = [
        {"external": {"source": "crm", "id": f"00{n}"}, **deal} for n, deal in enumerate(deals)
    ]
    answer = await client.post("/v1/deals/bulk", json={"deals": records})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("form", list(MEDIA))
async def test_an_export_is_taken_back_by_an_import_without_a_change(
    client: httpx.AsyncClient, form: str
) -> None:
    await make_deals(client)
    answer = await client.get("/v1/deals/export", headers={"Accept": MEDIA[form]})
    assert answer.headers["content-type"].startswith(MEDIA[form])
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''deals.{form}"
    done = await imported(client, "deals", answer.content)
    assert (done["counts"], done["reading"]["format"]) == (counts(unchanged=3), form)


async def test_an_export_has_the_filter_of_the_list(client: httpx.AsyncClient) -> None:
    await make_deals(client)
    for asked in ({}, {"owner_id": OTHER}, {"stage": "won"}):
        listed = (await client.get("/v1/deals", params=asked)).json()["items"]
        answer = await client.get("/v1/deals/export", params={**asked, "format": "ndjson"})
        assert [orjson.loads(line) for line in answer.content.splitlines()] == listed


async def test_a_csv_is_safe_to_be_opened_in_a_spreadsheet(client: httpx.AsyncClient) -> None:
    await make_deals(client)
    answer = await client.get("/v1/deals/export", params={"format": "csv"})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["name"] for row in rows} == {"东方明珠，二期", '\'=HYPERLINK("x")', "许安 大单"}
    assert {row["amount.amount"] for row in rows} == {"1200.00", "-5.00"}
    plain = await client.get("/v1/deals/export", params={"format": "csv", "bom": "false"})
    assert not plain.content.startswith(b"\xef\xbb\xbf")


async def test_an_export_without_rows_has_its_header(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/deals/export", params={"format": "xlsx"})
    table = open_table(io.BytesIO(answer.content))
    assert list(table.rows) == []
    assert table.header[:4] == ["id", "version", "external.source", "external.id"]


async def test_a_format_that_is_not_written_is_refused(client: httpx.AsyncClient) -> None:
    for asked in ({"params": {"format": "pdf"}}, {"headers": {"Accept": "application/pdf"}}):
        answer = await client.get("/v1/deals/export", **asked)  # type: ignore[arg-type]
        assert answer.status_code == 422


@pytest.mark.parametrize("form", list(MEDIA))
async def test_a_long_list_comes_in_pages_each_row_once(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr("shared.http.exports.ROWS_AT_ONCE", 7)
    lines = "".join(f"{n:04d},商机{n},{OWNER},1.00,2025-01-01\n" for n in range(50))
    header = "external_id,name,owner_id,amount,opened_on\n"
    await imported(client, "deals", header + lines, source="crm")
    answer = await client.get("/v1/deals/export", params={"format": form})
    table = open_table(io.BytesIO(answer.content))
    place = list(table.header).index("external.id")
    assert sorted(str(row.cells[place]) for row in table.rows) == [f"{n:04d}" for n in range(50)]


@pytest.mark.parametrize(
    ("service", "noun", "content"),
    [
        ("pipeline", "accounts", "source,external_id,name\ncrm,007,曾惠\ncrm,008,许安\n"),
        ("pipeline", "products", "code,name,line,list_price\n007,灯塔,主线,1.50\n008,航标,,\n"),
        (
            "targets",
            "units",
            "source,external_id,name,kind,valid_from\nhr,C,总公司,company,2025-01-01\n",
        ),
        ("targets", "members", "source,external_id,name,valid_from\nhr,E,洪光,2025-01-01\n"),
    ],
)
async def test_every_list_that_is_imported_is_exported(
    installation: Installation, service: str, noun: str, content: str
) -> None:
    async with installation.api(service, role=Role.ALL) as client:
        done = await imported(client, noun, content)
        assert done["counts"] == counts(created=content.count("\n") - 1)
        listed = (await client.get(f"/v1/{noun}")).json()["items"]
        lines = (await client.get(f"/v1/{noun}/export?format=ndjson")).content.splitlines()
        assert [orjson.loads(line) for line in lines] == listed
        table = await client.get(f"/v1/{noun}/export?format=xlsx")
        assert len(list(open_table(io.BytesIO(table.content)).rows)) == len(listed)
