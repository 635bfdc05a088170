"""Who may import what, and who sees it."""

import pytest

from shared.contracts.targets import MemberSaved
from shared.db import Connection, Row
from shared.directory import upkeep
from shared.ids import new_id
from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import imported

FILE = "external_id,name\nA-1,曾惠\n"


async def test_an_import_is_seen_by_who_made_it_and_by_the_admin(
    installation: Installation,
) -> None:
    own = installation.servers.issuer.token("聂明", ("sales_ops",))
    stranger = installation.servers.issuer.token("沈嘉", ("sales_ops",))
    async with installation.api("pipeline", role=Role.ALL) as client:
        mine = {"Authorization": f"Bearer {own}"}
        client.headers.update(mine)
        done = await imported(client, "accounts", FILE, source="crm")
        paths = [
            f"/v1/operations/{done['id']}",
            f"/v1/operations/{done['id']}/stream",
            f"/v1/imports/{done['id']}/rows",
            f"/v1/imports/{done['id']}/refused",
            f"/v1/imports/{done['id']}/chunks",
        ]
        admin = {"Authorization": f"Bearer {installation.servers.issuer.token('管', ('admin',))}"}
        for path in paths:
            assert (await client.get(path)).status_code == 200
            assert (await client.get(path, headers=admin)).status_code == 200
            other = await client.get(path, headers={"Authorization": f"Bearer {stranger}"})
            assert other.status_code == 404
        theirs = {"Authorization": f"Bearer {stranger}"}
        cancel = await client.post(f"/v1/operations/{done['id']}/cancel", headers=theirs)
        assert cancel.status_code == 404
        assert (await client.get("/v1/operations", headers=theirs)).json()["items"] == []


@pytest.mark.parametrize(
    ("roles", "noun", "status"),
    [
        (("sales_ops",), "accounts", 202),
        (("hr",), "accounts", 403),
        (("finance",), "accounts", 403),
        (("rep",), "accounts", 403),
        (("auditor",), "accounts", 403),
        (("admin",), "nothing", 404),
    ],
)
async def test_an_import_needs_the_right_to_write_what_it_imports(
    installation: Installation, roles: tuple[str, ...], noun: str, status: int
) -> None:
    async with installation.api("pipeline", roles=roles) as client:
        answer = await client.post("/v1/imports", params={"noun": noun}, content=FILE.encode())
        assert answer.status_code == status


@pytest.mark.parametrize("noun", ["accounts", "deals"])
async def test_an_import_is_for_who_reaches_everybody(
    installation: Installation, noun: str
) -> None:
    """Whoever may import something else does not bring in what is theirs alone to write."""
    for roles in (("rep", "hr"), ("manager", "finance"), ("rep", "manager", "hr")):
        async with installation.api("pipeline", roles=roles) as client:
            answer = await client.post("/v1/imports", params={"noun": noun}, content=FILE.encode())
            assert (answer.status_code, answer.json()["code"]) == (403, "not_within_reach"), roles
            assert (await client.get("/v1/operations")).json()["items"] == []
    async with installation.api("pipeline", roles=("rep", "sales_ops")) as client:
        answer = await client.post("/v1/imports", params={"noun": noun}, content=FILE.encode())
        assert answer.status_code == 202, answer.text


async def test_accounts_of_a_file_are_nobodys_until_somebody_says_whose(
    installation: Installation,
) -> None:
    """A member of the office brings in the accounts of many, and owns none of them for it."""
    member_id = new_id()
    async with (
        installation.api("pipeline", role=Role.ALL) as client,
        installation.open("pipeline") as database,
    ):

        async def hear(conn: Connection) -> None:
            await upkeep.apply(conn, [MemberSaved(version=1, member_id=member_id)])

        await database.transact(hear)
        token = installation.servers.issuer.token(member_id, ("sales_ops",))
        client.headers["Authorization"] = f"Bearer {token}"
        await imported(client, "accounts", FILE, source="crm")
        (account,) = (await client.get("/v1/accounts")).json()["items"]
        assert account["owner_id"] is None
        one = await client.post("/v1/accounts", json={"name": "自开客户"})
        assert one.json()["owner_id"] == str(member_id)


async def test_rows_are_written_in_the_name_of_who_sent_them(installation: Installation) -> None:
    async with installation.api("pipeline", role=Role.ALL) as client:
        client.headers["Change-Reason"] = "%E8%BF%81%E7%A7%BB"  # 迁移
        await imported(client, "accounts", FILE, source="crm", origin="import")
        async with installation.open("pipeline") as database, database.acquire() as conn:
            found: list[Row] = []
            rows: list[Row] = []
            while not (found and rows):  # until the event is numbered and the change is sealed
                found = await conn.fetch("SELECT origin, correlation_id FROM event_log")
                rows = await conn.fetch("SELECT actor, route, reason, noun, origin FROM audit_row")
        operation = (await client.get("/v1/operations")).json()["items"][0]
    assert [(row["origin"], str(row["correlation_id"])) for row in found] == [
        ("import", operation["id"])
    ]
    assert [tuple(row) for row in rows] == [("tester", "/v1/imports", "迁移", "account", "import")]
