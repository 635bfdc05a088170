"""What is derived can be derived anew from the log: the same rows, and nobody's pay moves."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeAlias

import asyncpg
import pytest

from deploy.local.place import throwaway_folder
from deploy.local.provision import provision
from deploy.local.stack import Stack
from deploy.rebuilding import rebuild
from deploy.serving import load
from services.performance.incentives.commands import recalculate_marked
from shared import clock
from shared.context import Context
from shared.db import Database
from shared.events.rebuild import FactsInsufficient, LogTooShort, NothingToRebuild
from shared.ids import new_id
from shared.migrate import upgrade
from shared.settings import ServiceSettings
from tests.flow.world import CHEN, EAST, LI, WANG, World, founded
from tests.resilience.schemas import MEND, REFUSE, schema
from tests.resilience.wholeness import whole

Rows: TypeAlias = Mapping[str, Sequence[tuple[Any, ...]]]

CONSUMERS = (
    ("targets", "attainment"),
    ("performance", "credits"),
    ("performance", "quotas"),
    ("knowledge", "wins"),
    ("pipeline", "directory"),
    ("performance", "directory"),
    ("knowledge", "directory"),
)
_FACTS = """
    SELECT id, kind, version, body::text, source, partition, number, origin, learned_at
      FROM fact ORDER BY id
"""
_DIRECTORY = {
    "directory units": "SELECT * FROM directory_unit ORDER BY unit_id",
    "directory placements": "SELECT * FROM directory_placement ORDER BY unit_id, valid_from",
    "directory members": "SELECT * FROM directory_member ORDER BY member_id",
    "directory assignments": "SELECT * FROM directory_assignment ORDER BY member_id, valid_from",
    "directory posts": "SELECT * FROM directory_post ORDER BY member_id, starts",
    "lines": "SELECT * FROM unit_line ORDER BY unit_id, above_id, starts",
}
# All but the moment of posting, and the versions that count how often a total moved.
DERIVED: Mapping[str, Mapping[str, str]] = {
    "targets": {
        "facts": _FACTS,
        "entries": """
            SELECT attainment_id, cause_id, fact_id, fact_version, amount, deals, source,
                   partition, number
              FROM attainment_entry ORDER BY attainment_id, cause_id
        """,
        "attainment": """
            SELECT id, partition, scope, scope_id, metric, period, starts, ends, currency, actual,
                   deals
              FROM attainment WHERE actual <> 0 OR deals <> 0 ORDER BY id, partition
        """,
    },
    "performance": {
        "facts": _FACTS,
        "credits": """
            SELECT payee_id, id, cause_id, fact_id, fact_version, occurred_on, metric, currency,
                   quota_amount, commission_amount, source, partition, number
              FROM credit ORDER BY payee_id, id
        """,
        "quotas": "SELECT * FROM quota ORDER BY target_id",
        "actuals": "SELECT target_id, partition, actual FROM quota_actual ORDER BY 1, 2",
        "incentives": """
            SELECT payee_id, period, plan_id, component, plan_version, amount, currency, trace
              FROM incentive ORDER BY payee_id, period, plan_id, component
        """,
        **_DIRECTORY,
    },
    "pipeline": _DIRECTORY,
    "knowledge": {
        "facts": _FACTS,
        "wins": "SELECT * FROM win_count ORDER BY period, partition",
        **_DIRECTORY,
    },
}
PAID = {
    "entries of pay": "SELECT * FROM incentive_entry ORDER BY sequence",
    "versions of pay": """
        SELECT payee_id, period, plan_id, component, version FROM incentive ORDER BY 1, 2, 3, 4
    """,
    "told": "SELECT head FROM relay ORDER BY partition",
}
DECIDED = {
    "targets": ("unit", "unit_placement", "member", "assignment", "target"),
    "performance": ("plan", "plan_version", "plan_assignment"),
    "pipeline": (),
    "knowledge": (),
}
TAMPERED = {
    "targets": """
        UPDATE attainment SET actual = actual + 0.01;
        DELETE FROM attainment_entry WHERE cause_id IN (SELECT min(cause_id::text)::uuid
                                                          FROM attainment_entry);
        DELETE FROM fact WHERE id IN (SELECT min(id::text)::uuid FROM fact)
    """,
    "performance": """
        UPDATE credit SET commission_amount = commission_amount + 0.01;
        UPDATE fact SET version = version + 7;
        DELETE FROM quota WHERE target_id IN (SELECT min(target_id::text)::uuid FROM quota);
        UPDATE quota_actual SET actual = 0
    """,
    "pipeline": """
        DELETE FROM unit_line WHERE starts > '-infinity';
        UPDATE directory_placement SET version = version + 7, parent_id = NULL
    """,
    "knowledge": """
        UPDATE win_count SET deals = deals + 3;
        DELETE FROM directory_post;
        UPDATE directory_assignment SET version = version + 7, unit_id = NULL
    """,
}
_LOSE_THE_FIRST = "UPDATE event_log SET number = -1 WHERE number = 1"
_FIND_THE_FIRST = "UPDATE event_log SET number = 1 WHERE number = -1"


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    """A company with a history: corrections, splits, a reopened deal, and one event discarded."""
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False) as stack, founded(stack) as made:
            await _lives(made)
            yield made


async def _lives(world: World) -> None:
    await world.pay_sellers()
    await world.pay_leader(CHEN)
    await world.set_target(LI, "100000")
    await world.set_target(EAST, "150000")
    async with schema(world.stack, "targets") as conn:
        await conn.execute(REFUSE)
        await world.won_deal("600000.00", owner=WANG, on="2025-08-01")
        await world.settle()
        await conn.execute(MEND)
    (item,) = (await world.get("/targets/v1/parked", state="parked"))["items"]
    await world.post(f"/targets/v1/parked/{item['id']}/discard", {})
    for amount in ("90000.00", "60000.00", "1234.56"):
        await world.won_deal(amount, shares={LI: "0.5", WANG: "0.5"})
    corrected = await world.won_deal("5000.00")
    await world.settle()  # so that its versions come in batches of their own
    await world.edit(corrected, amount={"amount": "7000.00", "currency": "CNY"})
    await world.settle()
    await world.reopen(corrected)
    await world.settle()
    await world.win(corrected, on="2025-07-02")
    await world.lose(await world.open_deal("1.00"))
    await world.set_target(LI, "120000")
    await world.settle()


async def rows(settings: ServiceSettings, queries: Mapping[str, str]) -> Rows:
    connection = await asyncpg.connect(settings.database_url)
    try:
        found = {what: await connection.fetch(query) for what, query in queries.items()}
    finally:
        await connection.close()
    return {what: [tuple(row) for row in part] for what, part in found.items()}


async def derived(settings: Mapping[str, ServiceSettings]) -> Mapping[str, Rows]:
    return {name: await rows(settings[name], queries) for name, queries in DERIVED.items()}


async def test_a_rebuild_gives_the_same_rows_tells_no_pay_and_moves_none(world: World) -> None:
    settings = world.stack.settings
    before, paid = await derived(settings), await rows(settings["performance"], PAID)
    for service, consumer in CONSUMERS:
        done = await rebuild(service, settings[service], consumer, from_facts=False)
        assert done.events > 0
        assert done.parked == 0
        await world.settle()
        after = await derived(settings)
        for name, found in before.items():
            assert after[name] == found, (consumer, name)
        assert await rows(settings["performance"], PAID) == paid
    await world.won_deal("1000.00")  # and the consumers go on
    await world.settle()
    assert (await world.revenue(WANG), await world.won(LI)) == ("75617.28", 4)
    await whole(world.stack)


async def test_whatever_was_tampered_with_is_as_the_log_says(world: World) -> None:
    settings = world.stack.settings
    before = await derived(settings)
    for service, statements in TAMPERED.items():
        async with schema(world.stack, service) as conn:
            await conn.execute(statements)
    assert await derived(settings) != before
    for service, consumer in CONSUMERS:
        await rebuild(service, settings[service], consumer, from_facts=False)
        await world.settle()
    after = await derived(settings)
    for name, found in before.items():
        assert after[name] == found, name
    await whole(world.stack)


async def test_a_second_installation_derives_the_same_from_the_same_log(world: World) -> None:
    stack = world.stack
    if stack.postgres is None:
        pytest.skip("the database server is not ours (PHAROS_DATABASE_ADMIN_URL)")
    secrets = stack.folder / "secrets"
    dsns = await provision(stack.postgres.dsn("postgres"), secrets, database="second")
    second = {}
    for name in DERIVED:
        await asyncio.to_thread(upgrade, load(name), dsns[name])
        second[name] = stack.settings[name].model_copy(update={"database_url": dsns[name]})
        await _copied(stack.settings[name], second[name], DECIDED[name])
    discarded = "SELECT * FROM parked"
    await _copied(stack.settings["targets"], second["targets"], ("parked",))
    assert await rows(second["targets"], {"": discarded})
    for service, consumer in CONSUMERS:
        await rebuild(service, second[service], consumer, from_facts=False)
    database = await Database.connect(second["performance"], "performance")
    try:
        while await recalculate_marked(database, Context("tester", clock.now(), new_id())):
            continue
    finally:
        await database.close()
    wanted, found = await derived(stack.settings), await derived(second)
    for name, part in wanted.items():
        assert found[name] == part, name


async def _copied(source: ServiceSettings, copy: ServiceSettings, tables: Sequence[str]) -> None:
    """Copy what people decided: it is not derived from another service's log."""
    there = await asyncpg.connect(copy.database_url)
    try:
        for table in tables:
            found = await rows(source, {table: f"SELECT * FROM {table}"})
            await there.copy_records_to_table(table, records=found[table])
    finally:
        await there.close()


async def test_a_log_that_lost_its_beginning_is_refused_and_the_facts_suffice(
    world: World,
) -> None:
    settings = world.stack.settings
    await world.settle()
    before = await derived(settings)
    totals = {what: before["targets"][what] for what in ("facts", "attainment")}
    async with schema(world.stack, "pipeline") as conn:
        await conn.execute(_LOSE_THE_FIRST)
        try:
            with pytest.raises(LogTooShort, match="pipeline no longer keeps its log"):
                await rebuild("targets", settings["targets"], "attainment", from_facts=False)
            assert await derived(settings) == before
            for service, consumer in CONSUMERS:
                if consumer not in {"quotas", "directory"}:
                    await rebuild(service, settings[service], consumer, from_facts=True)
        finally:
            await conn.execute(_FIND_THE_FIRST)
    await world.settle()
    after = await derived(settings)
    assert {what: after["targets"][what] for what in totals} == totals
    assert after["knowledge"] == before["knowledge"]
    assert after["performance"]["incentives"] == before["performance"]["incentives"]
    await whole(world.stack)


async def test_what_cannot_be_rebuilt_is_refused_in_a_sentence(world: World) -> None:
    settings = world.stack.settings["performance"]
    with pytest.raises(FactsInsufficient, match="from the log of targets"):
        await rebuild("performance", settings, "quotas", from_facts=True)
    with pytest.raises(NothingToRebuild):
        await rebuild("performance", settings, "wins", from_facts=False)
