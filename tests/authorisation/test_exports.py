"""A file has what its list shows that caller, to the field; pay that is hidden is nowhere in it."""

import io
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from shared.tables.reading import open_table
from tests.authorisation.office import QUARTER, Office

ROLES = ("rep", "manager", "sales_ops", "finance", "sales_ops+manager", "hr", "admin")
# Service and list, with the noun whose ids stand in its place.
LISTS = {
    "/v1/attainments": ("targets", None),
    "/v1/plans": ("performance", None),
    "/v1/plans/{}/assignments": ("performance", "plans"),
    f"/v1/credits?payee_id={{}}&period={QUARTER}": ("performance", "payees"),
    f"/v1/statements?period={QUARTER}": ("performance", None),
    f"/v1/statements/{{}}/{QUARTER}/entries": ("performance", "payees"),
}
INSIDE = {"versions", "totals"}
"""Lists, which stand in a cell as JSON."""
PAY = f"/v1/credits?payee_id={{}}&period={QUARTER}"


def addresses(office: Office, template: str, noun: str | None) -> Iterator[tuple[str, str]]:
    """Yield each list and its export."""
    path, _, query = template.partition("?")
    for key in office.rows[noun] if noun else ("",):
        yield (
            f"{path}?limit=200&{query}".format(key),
            f"{path}/export?{query}".format(key),
        )


async def got(office: Office, service: str, who: str, role: str, path: str) -> httpx.Response:
    answer = await office.ask(service, who, role, "GET", path)
    assert answer.status_code in {200, 403, 404}, answer.text
    return answer


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("template", LISTS)
async def test_an_export_has_just_what_the_list_shows(
    office: Office, template: str, role: str
) -> None:
    service, noun = LISTS[template]
    shown = 0
    for who in ("周销售", "陈队长", "外人"):
        for path, export in addresses(office, template, noun):
            listed = await got(office, service, who, role, path)
            files = {
                form: await got(office, service, who, role, f"{export}&format={form}")
                for form in ("csv", "xlsx", "ndjson")
            }
            assert {file.status_code for file in files.values()} == {listed.status_code}, path
            if listed.status_code != 200:
                continue
            items = listed.json()["items"]
            shown += len(items)
            lines = [orjson.loads(line) for line in files["ndjson"].content.splitlines()]
            assert lines == items
            for form in ("csv", "xlsx"):
                assert in_cells(files[form].content) == [plain(item) for item in items]
    assert shown or role != "admin"


def in_cells(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a file by heading, without what is empty or inside something."""
    table = open_table(io.BytesIO(content))
    rows = [zip(table.header, row.cells, strict=False) for row in table.rows]
    return [
        {
            name: str(cell).replace("+00:00", "Z")
            for name, cell in row
            if cell and "." not in name and name not in INSIDE
        }
        for row in rows
    ]


def plain(item: dict[str, Any]) -> dict[str, str]:
    """Return what stands in an item itself."""
    return {
        name: str(value)
        for name, value in item.items()
        if value is not None and not isinstance(value, dict | list)
    }


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
@pytest.mark.parametrize(
    ("role", "of", "amount"),
    [
        ("sales_ops", "周销售", None),
        ("finance", "周销售", "1000.00"),
        ("manager", "周销售", "1000.00"),
        ("sales_ops+manager", "周销售", "1000.00"),
        ("sales_ops+manager", "钱销售", None),
    ],
)
async def test_a_file_hides_the_pay_that_the_list_hides(
    office: Office, form: str, role: str, of: str, amount: str | None
) -> None:
    path = PAY.format(office.ids[of]).replace("?", "/export?")
    answer = await office.ask("performance", "陈队长", role, "GET", f"{path}&format={form}")
    table = open_table(io.BytesIO(answer.content))
    rows = [dict(zip(table.header, row.cells, strict=False)) for row in table.rows]
    (revenue,) = (row for row in rows if row["metric"] == "revenue")
    assert (revenue.get("commission_amount") or None) == amount
    assert revenue["quota_amount"] == "1000.00"
