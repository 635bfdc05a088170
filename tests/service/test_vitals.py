"""What operators see of a service: gauges that the database fills, vital signs, parked events."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from services.performance.service import SERVICE as PERFORMANCE
from shared import clock
from shared.db import Connection, Database
from shared.events import log as event_log
from shared.events import parking
from shared.events.lease import Lease
from shared.events.watch import Watch
from shared.ids import new_id
from shared.metrics import Metrics
from tests.service.conftest import Installation
from tests.service.events.told import account, tell
from tests.service.test_runtime import started
from tests.service.test_targets import event, won

PAYEE = new_id()
SET_ASIDE = """
    INSERT INTO recalculation (payee_id, since, correlation_id, origin, failed_at, reason)
    VALUES ($1, '2026-01-01', $1, 'live', now(), 'DivisionByZero: 方案有误')
"""
WATERMARK = """
    INSERT INTO watermark (consumer, source, partition, number)
    VALUES ('attainment', 'pipeline', 0, 9)
"""


async def park(database: Database, *reasons: str) -> None:
    """Park an event for each of these reasons."""

    async def work(conn: Connection) -> None:
        await conn.execute(WATERMARK)
        for number, reason in enumerate(reasons, start=1):
            fact = won((PAYEE, "1"), amount="1.00")
            try:
                raise RuntimeError(reason)
            except RuntimeError as error:
                await parking.park(conn, "attainment", event(fact, number), error)

    await database.transact(work)


def figure(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_the_gauges_say_what_the_database_holds_right_after_a_start(
    installation: Installation,
) -> None:
    async with installation.open("targets") as database:
        async with database.acquire() as conn:
            await event_log.ensure_partitions(conn, 2)
        await tell(database, account())
        async with database.acquire() as conn:
            hour_ago = clock.now() - timedelta(hours=1)
            await conn.execute("UPDATE outbox SET occurred_at = $1", hour_ago)
            await conn.execute("UPDATE relay SET head = 7, acknowledged = 5 WHERE partition = 1")
        await park(database, "一", "二")
        ours, others = Lease.of("relay:0", 5), Lease.of("relay:1", 5)
        await ours.take(database)
        await Lease.of("relay:1", 5).take(database)
        metrics = Metrics("targets")
        await Watch(database, metrics, [ours, others], ()).look()
    age = figure(metrics, "pharos_targets_outbox_age_seconds")
    assert age is not None
    assert 3_600 <= age < 3_660
    assert figure(metrics, "pharos_targets_relay_head", partition="1") == 7
    assert figure(metrics, "pharos_targets_relay_acknowledged", partition="1") == 5
    assert figure(metrics, "pharos_targets_lease_held", name="relay:0") == 1
    assert figure(metrics, "pharos_targets_lease_held", name="relay:1") == 0
    where = {"consumer": "attainment", "source": "pipeline", "partition": "0"}
    assert figure(metrics, "pharos_targets_consumer_parked_open", **where) == 2


async def test_a_lease_that_ran_out_is_held_by_nobody(installation: Installation) -> None:
    async with installation.open("targets") as database:
        lease = Lease.of("relay:0", 0.05)
        await lease.take(database)
        await asyncio.sleep(0.1)
        metrics = Metrics("targets")
        await Watch(database, metrics, [lease], ()).look()
    assert figure(metrics, "pharos_targets_lease_held", name="relay:0") == 0


async def test_payees_who_were_set_aside_are_counted_and_taken_up_again(
    installation: Installation,
) -> None:
    async with installation.api("performance") as api, installation.open("performance") as database:
        async with database.acquire() as conn:
            await conn.execute(SET_ASIDE, PAYEE)
        metrics = Metrics("performance")
        watch = Watch(database, metrics, [], PERFORMANCE.figures)
        await watch.look()
        assert figure(metrics, "pharos_performance_recalculations_failed") == 1
        answer = await api.post(f"/v1/recalculations/{PAYEE}/retry")
        assert answer.json() == {"payee_id": str(PAYEE), "since": "2026-01-01"}
        await watch.look()
        assert figure(metrics, "pharos_performance_recalculations_failed") == 0
        assert figure(metrics, "pharos_performance_recalculations_waiting") == 1
        again = await api.post(f"/v1/recalculations/{PAYEE}/retry")
        assert (again.status_code, again.json()["code"]) == (404, "recalculation_not_found")
    async with installation.api("performance", roles=("finance",)) as finance:
        assert (await finance.post(f"/v1/recalculations/{PAYEE}/retry")).status_code == 403


async def vitals(api: httpx.AsyncClient) -> dict[str, object]:
    answer = await api.get("/v1/vitals")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_service_that_works_says_so(installation: Installation) -> None:
    async with started(installation, "pipeline") as api:
        found = await vitals(api)
        leases = found["leases"]
        assert isinstance(leases, list)
        for _ in range(200):
            if len(leases) == 4:
                break
            await asyncio.sleep(0.05)
            found = await vitals(api)
            leases = found["leases"]
            assert isinstance(leases, list)
        assert found["revision"] == found["newest_revision"]
        assert found["outbox_age_seconds"] == 0
        assert found["relays"] == [{"partition": 0, "head": 0, "acknowledged": 0}]
        ahead = found["clock_ahead_seconds"]
        assert isinstance(ahead, float)
        assert abs(ahead) < 1
        held = [(lease["name"], lease["held"]) for lease in leases]
        names = ["audit", "consumer:directory:targets:0", "relay:0", "webhooks"]
        assert held == [(name, True) for name in names]
        assert (found["audit_unsealed_age_seconds"], found["audit_head"]) == (0, 0)
        # The watch has looked by itself, too.
        for _ in range(100):
            if 'pharos_pipeline_lease_held{name="relay:0"} 1.0' in (await api.get("/metrics")).text:
                return
            await asyncio.sleep(0.1)
        pytest.fail("no gauge says who holds the lease")


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ({}, ["契约不符", "Division by zero"]),
        ({"reason": "division"}, ["Division by zero"]),
        ({"reason": "契约"}, ["契约不符"]),
        ({"consumer": "credits"}, []),
        ({"source": "pipeline", "state": "parked"}, ["契约不符", "Division by zero"]),
        ({"state": "replayed"}, []),
    ],
)
async def test_parked_events_are_found_by_reason_consumer_and_source(
    installation: Installation, query: dict[str, str], reasons: list[str]
) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        await park(database, "契约不符", "Division by zero")
        items = (await api.get("/v1/parked", params=query)).json()["items"]
        assert sorted(item["reason"] for item in items) == sorted(reasons)


async def test_a_parked_event_shows_where_it_failed_and_what_it_was(
    installation: Installation,
) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        await park(database, "契约不符")
        (item,) = (await api.get("/v1/parked")).json()["items"]
        whole = (await api.get(f"/v1/parked/{item['id']}")).json()
        assert whole["reason"] == "契约不符"
        assert "RuntimeError: 契约不符" in whole["stack"]
        assert whole["event"]["data"]["stage"] == "won"
        assert (await api.get(f"/v1/parked/{new_id()}")).status_code == 404
