"""Rows that name members: who was hired a moment ago is waited for, who is not there is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from shared.ids import new_id
from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import ended, imported, known_as_members, rows, send
from tests.service.jobs.records import counts
from tests.service.performance_world import commission

STRANGER = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c1f"
PLAN = {
    "name": "销售提成",
    "valid_from": "2025-01-01",
    "currency": "CNY",
    "components": [commission()],
}
FILES = {
    "accounts": ("pipeline", "external_id,name,owner_id\nA-1,东方电力,{0}\nA-2,许安商贸,{1}\n"),
    "deals": (
        "pipeline",
        (
            "external_id,name,owner_id,amount,opened_on\n"
            "D-1,灯塔一期,{0},1.00,2025-01-01\nD-2,灯塔二期,{1},1.00,2025-01-01\n"
        ),
    ),
    "assignments": (
        "performance",
        "plan_external_id,payee_id,valid_from\nP-1,{0},2025-01-01\nP-1,{1},2025-01-01\n",
    ),
}


async def hired(targets: httpx.AsyncClient, name: str) -> str:
    """Hire somebody; return the id."""
    body = {"name": name, "unit_id": None, "leads": False, "valid_from": "2025-01-01"}
    answer = await targets.put(f"/v1/members/by-external/hr/{name}", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


@asynccontextmanager
async def beside_targets(
    installation: Installation, service: str
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Run targets and a service that hears of it; lend a client of each."""
    async with (
        installation.serve("targets") as url,
        installation.api("targets") as targets,
        installation.api(service, role=Role.ALL, feeds={"targets": url, "pipeline": url}) as client,
    ):
        if service == "performance":
            assert (await client.put("/v1/plans/by-external/hr/P-1", json=PLAN)).is_success
        yield targets, client


@asynccontextmanager
async def hearing_nothing(installation: Installation, service: str) -> AsyncIterator[None]:
    """Keep a service from taking what it hears of members, until the end of the block."""
    async with (
        installation.open(service) as database,
        database.acquire() as conn,
        conn.transaction(),
    ):
        await conn.execute("LOCK TABLE directory_member IN SHARE MODE")
        yield


@pytest.mark.parametrize("noun", list(FILES))
async def test_a_row_waits_for_a_member_who_has_just_been_hired(
    installation: Installation, noun: str
) -> None:
    service, content = FILES[noun]
    async with beside_targets(installation, service) as (targets, client):
        async with hearing_nothing(installation, service):
            member = await hired(targets, "曾惠")
            begun = await send(client, noun, content.format(member, STRANGER), source="hr")
            waits = await ended(client, begun["id"], {"waiting", "done"})
            assert (waits["state"], waits["counts"]) == ("waiting", counts(waiting=2))
        done = await ended(client, begun["id"])
        told = [
            (row["row"], [(p["field"], p["code"]) for p in row["problems"]])
            for row in await rows(client, done["id"], "refused")
        ]
    field = "payee_id" if noun == "assignments" else "owner_id"
    assert done["counts"] == counts(created=1, refused=1)
    assert told == [(3, [(field, "member_not_known")])]


# By the numbers of an ERP: the one of the file, or another one that the row names.
BY_NUMBER = {
    "accounts": (
        "external_id,name,负责人工号,owner_source\n"
        "A-1,东方电力,曾惠,\nA-2,许安商贸,许安,\nA-3,无主,,\nA-4,海外,曾惠,erp\n"
    ),
    "deals": (
        "external_id,name,负责人工号,owner_source,amount,opened_on\n"
        "D-1,灯塔一期,曾惠,,1.00,2025-01-01\nD-2,灯塔二期,许安,hr,1.00,2025-01-01\n"
        "D-3,灯塔三期,,,1.00,2025-01-01\nD-4,海外,曾惠,erp,1.00,2025-01-01\n"
    ),
    "assignments": (
        "plan_external_id,员工工号,payee_source,valid_from\n"
        "P-1,曾惠,,2025-01-01\nP-1,许安,hr,2025-01-01\n"
        "P-1,,,2025-01-01\nP-1,曾惠,erp,2025-01-01\n"
    ),
}


@pytest.mark.parametrize("noun", list(FILES))
async def test_a_row_may_name_a_member_as_another_system_does(
    installation: Installation, noun: str
) -> None:
    service = FILES[noun][0]
    async with beside_targets(installation, service) as (targets, client):
        ids = [await hired(targets, name) for name in ("曾惠", "许安")]
        done = await imported(client, noun, BY_NUMBER[noun], source="hr")
        told = [row["problems"][0] for row in await rows(client, done["id"], "refused", "zh")]
        if noun == "assignments":
            plan = (await client.get("/v1/plans/by-external/hr/P-1")).json()["id"]
            listed = (await client.get(f"/v1/plans/{plan}/assignments")).json()["items"]
            found = [one["payee_id"] for one in listed]
        else:
            listed = (await client.get(f"/v1/{noun}", params={"sort": "id"})).json()["items"]
            found = [one["owner_id"] for one in listed]
        async with installation.open(service) as database, database.acquire() as conn:
            assert await conn.fetch("SELECT 1 FROM directory_member WHERE external_id = '曾惠'")
    nobody = [None] if noun == "accounts" else []
    assert sorted(found, key=str) == sorted([*ids, *nobody], key=str)
    codes = [] if noun == "accounts" else ["id_or_external"]
    assert [one["code"] for one in told] == [*codes, "external_member_not_known"]
    assert told[-1]["column"] == ("员工工号" if noun == "assignments" else "负责人工号")
    assert told[-1]["detail"] == "不存在来源 erp 的成员 曾惠，请先在目标服务中导入该来源的成员。"


async def test_a_deal_is_not_shared_with_who_is_not_there(installation: Installation) -> None:
    async with beside_targets(installation, "pipeline") as (targets, client):
        member = await hired(targets, "许安")
        shares = (
            f'[{{"member_id": "{member}", "share": "0.5"}},'
            f' {{"member_id": "{new_id()}", "share": "0.5"}}]'
        ).replace('"', '""')
        content = (
            "external_id,name,owner_id,amount,opened_on,shares\n"
            f'D-1,灯塔,{member},1.00,2025-01-01,"{shares}"\n'
        )
        done = await imported(client, "deals", content, source="crm")
        told = (await rows(client, done["id"], "refused", "zh"))[0]["problems"][0]
    assert done["counts"] == counts(refused=1)
    assert (told["column"], told["code"]) == ("shares", "member_not_known")
    assert told["detail"].startswith("不存在成员")


async def test_a_file_of_known_members_needs_no_word_of_the_organisation(
    installation: Installation,
) -> None:
    await known_as_members(installation, "pipeline", STRANGER)
    content = FILES["deals"][1].format(STRANGER, STRANGER)
    async with installation.api("pipeline", role=Role.ALL) as client:  # its feeds lead nowhere
        done = await imported(client, "deals", content, source="crm")
    assert done["counts"] == counts(created=2)
