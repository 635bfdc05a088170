"""Units, members and targets from files, in any order of rows."""

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import imported, rows
from tests.service.jobs.records import counts

UNITS = (
    "external_id,部门名称,类型,上级编号,生效日期\n"
    "T-1,上海一组,team,R-1,2025-01-01\n"
    "R-1,华东大区,region,C,2025-01-01\n"
    "C,总公司,company,,2025-01-01\n"
    "T-2,无主之组,team,R-9,2025-01-01\n"
)
MEMBERS = (
    "external_id,姓名,部门编号,负责人,生效日期\n"
    "E-1,洪光,R-1,是,2025/1/1\n"
    "E-2,曾惠,T-1,否,2025年1月1日\n"
    "E-3,许安,T-9,否,2025-01-01\n"
)
TARGETS = (
    "目标对象类型,目标对象编号,指标,期间,目标值,币种\n"
    "unit,R-1,revenue,2026-Q4,1000000.00,CNY\n"
    "member,E-2,units,2026-Q4,12,\n"
    "member,E-2,units,2026-Q4,13,\n"
    "member,E-9,units,2026-Q4,12,\n"
    "unit,R-1,revenue,2026-M05,5,CNY\n"
)


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("targets", role=Role.ALL) as made:
        yield made


async def names_of(client: httpx.AsyncClient, noun: str) -> dict[str, str]:
    """Return ids by external id."""
    items = (await client.get(f"/v1/{noun}", params={"on": "2026-01-01"})).json()["items"]
    return {one["external"]["id"]: one["id"] for one in items}


@pytest.mark.parametrize("batch", [1_000, 1])
async def test_a_parent_may_stand_behind_its_children(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("shared.jobs.worker.BATCH", batch)
    done = await imported(client, "units", UNITS, source="hr")
    assert done["counts"] == counts(created=3, refused=1)
    refused = (await rows(client, done["id"], "refused"))[0]
    assert (refused["row"], refused["problems"][0]["column"]) == (5, "上级编号")
    assert refused["problems"][0]["code"] == "unit_not_known"
    units = await names_of(client, "units")
    items = (await client.get("/v1/units", params={"on": "2026-01-01"})).json()["items"]
    parents = {one["external"]["id"]: one["parent_id"] for one in items}
    assert parents == {"C": None, "R-1": units["C"], "T-1": units["R-1"]}
    again = await imported(client, "units", UNITS, source="hr")
    assert again["counts"] == counts(unchanged=3, refused=1)


@pytest.mark.parametrize("batch", [1_000, 1])
async def test_a_dry_run_finds_the_parents_in_its_own_file(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("shared.jobs.worker.BATCH", batch)
    dry = await imported(client, "units", UNITS, source="hr", dry_run="true")
    assert dry["counts"] == counts(created=3, refused=1)
    assert await names_of(client, "units") == {}


async def test_a_circle_is_refused_and_nothing_else(client: httpx.AsyncClient) -> None:
    await imported(client, "units", UNITS, source="hr")
    circle = (
        "external_id,name,kind,parent_external_id,valid_from\n"
        "C,总公司,company,T-1,2025-06-01\nT-1,上海二组,team,R-1,2025-06-01\n"
    )
    done = await imported(client, "units", circle, source="hr")
    assert done["counts"] == counts(updated=1, refused=1)
    told = (await rows(client, done["id"], "refused"))[0]["problems"][0]
    assert told["code"] == "unit_below_itself"


async def test_members_and_targets_find_what_they_name(client: httpx.AsyncClient) -> None:
    await imported(client, "units", UNITS, source="hr")
    for outcome in ("created", "unchanged"):
        done = await imported(client, "members", MEMBERS, source="hr")
        assert done["counts"] == counts(**{outcome: 2}, refused=1)
    members = (await client.get("/v1/members", params={"on": "2026-01-01"})).json()["items"]
    units = await names_of(client, "units")
    assert {(m["name"], m["unit_id"], m["leads"]) for m in members} == {
        ("洪光", units["R-1"], True),
        ("曾惠", units["T-1"], False),
    }
    first = await imported(client, "targets", TARGETS, source="hr")
    assert first["counts"] == counts(created=2, refused=3)
    done = await imported(client, "targets", TARGETS, source="hr")
    assert done["counts"] == counts(unchanged=2, refused=3)
    told = {r["row"]: r["problems"][0]["code"] for r in await rows(client, done["id"], "refused")}
    assert told == {4: "row_twice", 5: "scope_not_known", 6: "period_not_a_quarter"}
