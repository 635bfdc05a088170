"""The trail over HTTP, for those who may see it."""

from typing import Any

import httpx
import pytest

from tests.service.audit.examples import demanded
from tests.service.audit.trail import ask, change, seal
from tests.service.conftest import Installation

DEAL = {
    "name": "华东银行核心系统",
    "owner_id": "0192d7a4-5d1c-7c3e-8f00-000000000001",
    "amount": {"amount": "1200.50", "currency": "CNY"},
    "opened_on": "2026-10-01",
}


async def pages(api: httpx.AsyncClient, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Return all pages of a list."""
    found: list[list[dict[str, Any]]] = []
    cursor = None
    while not found or cursor is not None:
        asked = query if cursor is None else {**query, "cursor": cursor}
        answer = await api.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        cursor = answer.json()["next"]
    return found


async def test_an_auditor_sees_before_and_after_and_why(installation: Installation) -> None:
    async with (
        installation.api("pipeline") as api,
        installation.open("pipeline") as database,
        installation.api("pipeline", roles=("auditor",)) as auditor,
    ):
        deal = (await api.post("/v1/deals", json=DEAL, headers=demanded())).json()
        body = {"to": "won", "on": "2026-11-02"}
        path = f"/v1/deals/{deal['id']}/transitions"
        why = {"Change-Reason": "signed%20%E5%90%88%E5%90%8C"}
        await api.post(path, json=body, headers=why)
        assert (await pages(auditor, "/v1/audit")) == [[]]
        await seal(database)
        ((opened, won),) = await pages(auditor, "/v1/audit", subject=deal["id"])
    assert (opened["number"], opened["action"], opened["before"]) == (1, "opened", None)
    assert (won["number"], won["action"], won["version"]) == (2, "won", 2)
    assert (won["actor"], won["reason"]) == ("tester", "signed 合同")
    assert (won["method"], won["route"]) == ("POST", "/v1/deals/{deal_id}/transitions")
    assert won["before"] == opened["after"]
    assert {**won["before"], "stage": "won", "version": 2, "closed_on": "2026-11-02"} == (
        won["after"]
    )
    assert won["after"]["terms"]["amount"] == {"amount": "1200.50", "currency": "CNY"}


async def test_changes_are_found_by_subject_actor_noun_and_time(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api, installation.open("pipeline") as database:
        made = [
            (await api.post("/v1/accounts", json={"name": f"客户{n}"})).json() for n in range(3)
        ]
        await api.post("/v1/deals", json=DEAL, headers=demanded())
        await seal(database)
        rows = [row for page in await pages(api, "/v1/audit", limit=3) for row in page]
        assert [row["number"] for row in rows] == [1, 2, 3, 4]
        third = rows[2]["at"]
        for query, numbers in (
            ({"subject": made[1]["id"]}, [2]),
            ({"actor": "tester"}, [1, 2, 3, 4]),
            ({"actor": "nobody"}, []),
            ({"noun": "deal"}, [4]),
            ({"since": third}, [3, 4]),
            ({"until": third}, [1, 2]),
            ({"noun": "account", "since": third}, [3]),
        ):
            found = await pages(api, "/v1/audit", **query)
            assert [row["number"] for page in found for row in page] == numbers, query


async def test_blocks_are_chained_page_by_page(installation: Installation) -> None:
    async with installation.api("pipeline") as api, installation.open("pipeline") as database:
        for number in range(5):
            await ask(database, change(f"{number}"), change(f"{number}二"))
            await seal(database)
        found = await pages(api, "/v1/audit/blocks", limit=2)
        assert [len(page) for page in found] == [2, 2, 1]
        blocks = [block for page in found for block in page]
        assert [(b["number"], b["first"], b["last"]) for b in blocks] == [
            (n, 2 * n - 1, 2 * n) for n in range(1, 6)
        ]
        hashes = [block["hash"] for block in blocks]
        assert [block["previous"] for block in blocks[1:]] == hashes[:-1]


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/audit/blocks"])
@pytest.mark.parametrize("role", ["sales_ops", "finance", "hr", "integration", "manager", "rep"])
async def test_nobody_else_reads_the_trail(
    installation: Installation, path: str, role: str
) -> None:
    async with installation.api("pipeline", roles=(role,)) as api:
        assert (await api.get(path)).status_code == 403


@pytest.mark.parametrize(
    "query", ["cursor=bm9wZQ==", "cursor=WyItMSJd", "since=gestern", "subject=%00", "limit=201"]
)
async def test_what_makes_no_sense_is_refused(installation: Installation, query: str) -> None:
    async with installation.api("pipeline") as api:
        assert (await api.get(f"/v1/audit?{query}")).status_code == 422


@pytest.mark.parametrize(
    "reason",
    ["", "%", "%2", "%E6%9B", "%00", "a%0Ab", "%ED%A0%80", "x" * 501, "%20", "caf\xe9"],
)
async def test_a_reason_that_cannot_be_read_refuses_the_change(
    installation: Installation, reason: str
) -> None:
    headers = [(b"Change-Reason", reason.encode("latin-1"))]
    async with installation.api("pipeline") as api:
        answer = await api.post("/v1/accounts", json={"name": "上海灯塔"}, headers=headers)
        assert answer.status_code == 422, answer.text


async def test_a_reason_may_have_500_characters_of_chinese(installation: Installation) -> None:
    headers = {"Change-Reason": "%E6%9B%B4" * 500}
    async with installation.api("pipeline") as api, installation.open("pipeline") as database:
        answer = await api.post("/v1/accounts", json={"name": "上海灯塔"}, headers=headers)
        assert answer.status_code == 201
        await seal(database)
        ((row,),) = await pages(api, "/v1/audit")
        assert row["reason"] == "更" * 500
