"""The feed says nothing of whom the caller does not reach."""

from uuid import UUID

import httpx
import pytest

from shared.runtime import Role
from shared.webhooks.model import Owner
from tests.authorisation.company import MEMBERS, REACHES, UNITS
from tests.authorisation.office import Json, Office
from tests.service.test_event_stream import messages

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


async def numbered(office: Office) -> int:
    """Number what was told, as the worker would; return the number of the last event."""
    async with office.databases["performance"].acquire() as conn:
        await conn.execute(NUMBERED)
        await conn.execute(HEAD)
        head: int = await conn.fetchval("SELECT head FROM relay WHERE partition = 0")
    return head


async def fed(office: Office, who: str, role: str) -> list[Json]:
    """Return what the feed tells somebody."""
    await numbered(office)
    answer = await office.ask("performance", who, role, "GET", "/v1/events?limit=1000")
    assert answer.status_code == 200, answer.text
    return [event for event in answer.json()["events"] if "data" in event]


async def streamed(office: Office, who: str, role: str) -> list[Json]:
    """Return what the stream tells somebody, from the first event to the last."""
    head = await numbered(office)
    headers = {"Authorization": f"Bearer {office.token(who, role)}"}
    told = []
    async with (
        office.installation.serve("performance", Role.API) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
        client.stream("GET", "/v1/events/stream?after=0:0") as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        async for message in messages(answer):
            if message.data is not None:
                told.append(message.data)
            if message.id == f"0:{head}":
                break
    return told


WAYS = {"feed": fed, "stream": streamed}


async def payees_told_of(
    office: Office, who: str, role: str, way: str = "feed"
) -> tuple[set[UUID], set[str]]:
    """Return the payees of whom somebody is told, and the types that are told."""
    told = await WAYS[way](office, who, role)
    payees = {UUID(event["data"]["payee_id"]) for event in told if "payee_id" in event["data"]}
    return payees, {event["type"] for event in told}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", ["周销售", "陈队长", "林总监", "冯离职", "外人"])
async def test_an_event_of_somebody_out_of_reach_is_withheld(
    office: Office, who: str, way: str
) -> None:
    """Integrations read the feed and no pay, so pay is read with the breadth of the other role."""
    reach = REACHES[who]
    payees, types = await payees_told_of(office, who, f"{reach.role}+integration", way)
    assert payees == {office.ids[name] for name in reach.members}
    assert "pharos.performance.plan.saved.v1" not in types  # it concerns nobody in particular


@pytest.mark.parametrize("way", WAYS)
async def test_who_reaches_everybody_is_told_of_everybody(office: Office, way: str) -> None:
    payees, types = await payees_told_of(office, "何无队", "auditor", way)
    assert payees == {UUID(key) for key in office.rows["payees"]}
    assert "pharos.performance.plan.saved.v1" in types
    assert await payees_told_of(office, "何无队", "integration", way) == (set(), set())


async def scopes_held(office: Office, who: str, role: str) -> set[str]:
    """Return the ids of whose targets a snapshot shows somebody."""
    path = "/v1/snapshots/targets?limit=500"
    answer = await office.ask("targets", who, role, "GET", path)
    assert answer.status_code == 200, answer.text
    facts = answer.json()["facts"]
    assert facts
    return {fact["data"]["scope_id"] for fact in facts if fact.get("data") is not None}


@pytest.mark.parametrize("role", ["integration", "auditor", "service", "admin"])
async def test_a_snapshot_shows_everything_to_who_reaches_everybody(
    office: Office, role: str
) -> None:
    everybody = {str(office.ids[name]) for name in (*MEMBERS, *UNITS)}
    assert await scopes_held(office, "何无队", role) == everybody


def test_a_webhook_tells_only_what_its_owner_may_read_of_everybody() -> None:
    both = Owner("erp", "erp", ("integration", "rep")).permissions
    assert "deals:read" in both
    assert "statements:read" not in both
