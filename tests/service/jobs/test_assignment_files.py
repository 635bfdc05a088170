"""Assignments of plans from files."""

from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import imported, known_as_members, rows
from tests.service.jobs.records import counts
from tests.service.performance_world import commission

PAYEE, OTHER = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10", "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c11"
PLAN = {
    "name": "销售提成",
    "valid_from": "2025-01-01",
    "currency": "CNY",
    "components": [commission()],
}
FILE = (
    "方案编号,激励对象编号,生效日期,失效日期\n"
    f"P-1,{PAYEE},2025-01-01,\n"
    f"P-1,{OTHER},2025-01-01,2025-07-01\n"
    f"P-1,{OTHER},2025-03-01,\n"
    f"P-9,{OTHER},2025-03-01,\n"
    f"P-1,{PAYEE},2024-01-01,2025-01-01\n"
)


async def test_assignments_are_taken_row_by_row_and_may_get_an_end(
    installation: Installation,
) -> None:
    await known_as_members(installation, "performance", PAYEE, OTHER)
    async with installation.api("performance", role=Role.ALL) as client:
        answer = await client.put("/v1/plans/by-external/hr/P-1", json=PLAN)
        assert answer.status_code == 200, answer.text
        plan_id = answer.json()["id"]
        done = await imported(client, "assignments", FILE, source="hr")
        assert done["counts"] == counts(created=2, refused=3)
        told = {
            row["row"]: row["problems"][0]["code"]
            for row in await rows(client, done["id"], "refused")
        }
        assert told == {
            4: "assignments_overlap",
            5: "plan_not_known",
            6: "assigned_before_plan",
        }
        again = await imported(client, "assignments", FILE, source="hr")
        assert again["counts"] == counts(unchanged=2, refused=3)
        ended = FILE.replace(f"{PAYEE},2025-01-01,\n", f"{PAYEE},2025-01-01,2025-10-01\n")
        third = await imported(client, "assignments", ended, source="hr")
        assert third["counts"] == counts(updated=1, unchanged=1, refused=3)
        file = await client.get(f"/v1/plans/{plan_id}/assignments/export?format=csv")
        assert (await imported(client, "assignments", file.content))["counts"] == counts(
            unchanged=2
        )
        held = (await client.get(f"/v1/plans/{plan_id}/assignments")).json()["items"]
    assert [(one["payee_id"], one["valid_to"]) for one in held] == [
        (PAYEE, "2025-10-01"),
        (OTHER, "2025-07-01"),
    ]
