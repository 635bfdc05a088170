"""The feed says nothing of whom the caller does not reach."""

from uuid import UUID

import pytest

from shared.webhooks.model import Owner
from tests.authorisation.company import REACHES
from tests.authorisation.office import Office

NUMBERED = """
    INSERT INTO event_log (
        partition, number, event_id, type, aggregate_id, aggregate_version, occurred_at,
        correlation_id, causation_id, origin, traceparent, payload)
    SELECT partition, row_number() OVER (ORDER BY id), event_id, type, aggregate_id,
           aggregate_version, occurred_at, correlation_id, causation_id, origin, traceparent,
           payload
      FROM outbox
     WHERE partition = 0 AND NOT EXISTS (SELECT FROM event_log)
"""
HEAD = """
    INSERT INTO relay (partition, head) SELECT 0, max(number) FROM event_log
    ON CONFLICT (partition) DO UPDATE SET head = excluded.head
"""


async def payees_told_of(office: Office, who: str, role: str) -> tuple[set[UUID], set[str]]:
    """Return the payees of whom the feed tells somebody, and the types that it tells of."""
    async with office.databases["performance"].acquire() as conn:
        await conn.execute(NUMBERED)
        await conn.execute(HEAD)
    answer = await office.ask("performance", who, role, "GET", "/v1/events?limit=1000")
    assert answer.status_code == 200, answer.text
    told = [event for event in answer.json()["events"] if "data" in event]
    payees = {UUID(event["data"]["payee_id"]) for event in told if "payee_id" in event["data"]}
    return payees, {event["type"] for event in told}


@pytest.mark.parametrize("who", ["周销售", "陈队长", "林总监", "冯离职", "外人"])
async def test_an_event_of_somebody_out_of_reach_is_withheld(office: Office, who: str) -> None:
    """Integrations read the feed and no pay, so pay is read with the breadth of the other role."""
    reach = REACHES[who]
    payees, types = await payees_told_of(office, who, f"{reach.role}+integration")
    assert payees == {office.ids[name] for name in reach.members}
    assert "pharos.performance.plan.saved.v1" not in types  # it concerns nobody in particular


async def test_who_reaches_everybody_is_told_of_everybody(office: Office) -> None:
    payees, types = await payees_told_of(office, "何无队", "auditor")
    assert payees == {UUID(key) for key in office.rows["payees"]}
    assert "pharos.performance.plan.saved.v1" in types
    assert await payees_told_of(office, "何无队", "integration") == (set(), set())


def test_a_webhook_tells_only_what_its_owner_may_read_of_everybody() -> None:
    both = Owner("erp", "erp", ("integration", "rep")).permissions
    assert "deals:read" in both
    assert "statements:read" not in both
