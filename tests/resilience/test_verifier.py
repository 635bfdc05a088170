"""The verifier finds nothing in a healthy installation, and one cent or one row that is not."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from deploy.cli import app
from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import kept_passwords, provision
from deploy.local.stack import Stack
from deploy.verify.verifier import Finding, Kind, verify
from shared.ids import derived_id, new_id
from shared.period import FiscalCalendar
from tests.flow.world import founded
from tests.resilience.history import lived
from tests.resilience.scale import only_in_full, scaled
from tests.resilience.tampering import PLACES, Place, Tampering, places
from tests.resilience.wholeness import verified

SEED = 20251123
TIMES = scaled(16, 200)
LOOK_SECONDS = scaled(0.6, 0.2)
CONSUMERS = {"targets": "attainment", "performance": "credits", "knowledge": "wins"}
"""Who follows the pipeline."""
LOGS = ("event_log", "relay")
FORGET = """
    WITH kept AS (
        UPDATE event_log SET logged_at = logged_at + interval '7 days'
         WHERE number > (SELECT head FROM relay) * 2 / 3)
    DELETE FROM event_log WHERE number <= (SELECT head FROM relay) * 2 / 3
"""
LOSE_AN_OLD_FACT = "DELETE FROM fact WHERE number = (SELECT min(number) FROM fact)"
MARK = """
    INSERT INTO recalculation (payee_id, since, correlation_id, origin)
    SELECT payee_id, '2025-01-01', id, 'live' FROM plan_assignment LIMIT 1
"""
TELL = """
    INSERT INTO event_log (
        partition, number, event_id, previous_event_id, type, aggregate_id, aggregate_version,
        occurred_at, correlation_id, origin, payload)
    SELECT 0, head + 1, $1, head_event_id, 'pharos.pipeline.deal.won.v9', $2, 1, now(), $2, 'live',
           '{"商机": "读不懂"}'
      FROM relay
"""
RAISE_HEAD = "UPDATE relay SET head = head + 1, head_event_id = $1"
PARK = """
    INSERT INTO parked (
        id, consumer, source, partition, number, event_id, type, event, reason, stack, parked_at)
    SELECT $1, consumer, source, partition, number + 1, $3, 'pharos.pipeline.deal.won.v9', '{}',
           $4, '', now()
      FROM watermark
     WHERE consumer = $2
"""
RAISE_WATERMARK = "UPDATE watermark SET number = number + 1, event_id = $2 WHERE consumer = $1"
ALSO_KEPT = {
    "targets": ("parked",),
    "performance": ("parked", "recalculation"),
    "knowledge": ("parked",),
}


@dataclass(frozen=True)
class AtRest:
    """An installation whose services are stopped: nobody but a test changes anything."""

    folder: Path
    dsns: Mapping[str, str]
    hands: Mapping[str, Tampering]
    connections: Mapping[str, "asyncpg.Connection[asyncpg.Record]"]
    partitions: int

    async def findings(self) -> list[Finding]:
        """Return what the verifier finds now."""
        return list(await verify(self.dsns, FiscalCalendar()))

    async def run(self, service: str, statement: str, *values: object) -> None:
        """Change something by hand."""
        await self.connections[service].execute(statement, *values)

    @asynccontextmanager
    async def restored(self, **tables: Sequence[str]) -> AsyncIterator[None]:
        """Put tables of services back at the end, as they were."""
        try:
            yield
        finally:
            for service, names in tables.items():
                for name in names:
                    await self.hands[service].restore(name)


@asynccontextmanager
async def looked_at(stack: Stack) -> AsyncIterator[list[Finding]]:
    """Verify again and again while the services are at work; collect what was called wrong."""
    wrong: list[Finding] = []

    async def look() -> None:
        while True:
            wrong.extend(one for one in await verified(stack) if one.kind is Kind.WRONG)
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield wrong
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


@asynccontextmanager
async def history(folder: Path, partitions: int) -> AsyncIterator[AtRest]:
    """Let a company live, verify it as it runs, stop it, and lend its databases."""
    settings = {"partitions": partitions}
    async with Stack(folder, durable=False, settings=settings) as stack, founded(stack) as world:
        async with looked_at(stack) as wrong:
            await lived(world)
        assert not wrong  # what has not been followed yet is no mistake
        assert not await verified(stack)
    server = EmbeddedPostgres(stack.folder / "postgres", durable=False)
    with server:
        dsns = await provision(server.dsn("postgres"), stack.folder / "secrets")
        async with AsyncExitStack() as open_connections:
            connections = {}
            for service, dsn in dsns.items():
                connections[service] = await asyncpg.connect(dsn)
                open_connections.push_async_callback(connections[service].close)
            hands = {service: Tampering(held) for service, held in connections.items()}
            for service, hand in hands.items():
                await hand.keep([*PLACES[service], *ALSO_KEPT.get(service, ())])
            yield AtRest(stack.folder, dsns, hands, connections, partitions)


@pytest.fixture(scope="module")
async def at_rest() -> AsyncIterator[AtRest]:
    with throwaway_folder() as folder:
        async with history(folder, 1) as held:
            yield held


async def unnamed_of(held: AtRest, place: Place, done: str) -> str | None:
    """Verify what was tampered with and put it back; return what went unnamed, None if nothing."""
    try:
        found = await held.findings()
    finally:
        await held.hands[place.service].restore(place.table)
    wrong = [finding for finding in found if finding.kind is Kind.WRONG]
    if any(place.is_named_by(finding.where) for finding in wrong):
        return None
    return f"{place}: {done}\n  found: {[str(finding) for finding in found]}"


async def tampered(held: AtRest, times: int) -> list[str]:
    """Tamper in so many random places, one after the other; return what went unnamed."""
    dice = Random(SEED)
    unnamed: list[str] = []
    done = 0
    for place in islice(places(dice, held.partitions), 3 * times):
        if done < times and (what := await held.hands[place.service].tamper(place, dice)):
            done += 1
            missed = await unnamed_of(held, place, what)
            unnamed += [missed] if missed else []
    assert done == times
    assert not await held.findings()
    return unnamed


async def test_whatever_is_tampered_with_is_named(
    at_rest: AtRest, record_property: Callable[[str, object], None]
) -> None:
    record_property("seed", SEED)
    record_property("places", TIMES)
    unnamed = await tampered(at_rest, TIMES)
    assert not unnamed, "\n".join(unnamed)


@only_in_full
async def test_an_installation_of_four_partitions_is_verified_alike() -> None:
    with throwaway_folder() as folder:
        async with history(folder, 4) as held:
            unnamed = await tampered(held, 60)
    assert not unnamed, "\n".join(unnamed)


async def test_a_log_that_has_forgotten_its_first_weeks_is_whole(at_rest: AtRest) -> None:
    async with at_rest.restored(**dict.fromkeys(("pipeline", "targets", "performance"), LOGS)):
        for service in ("pipeline", "targets", "performance"):
            await at_rest.run(service, FORGET)
        assert not await at_rest.findings()
        # What the log says no more is held against the deal itself.
        async with at_rest.restored(knowledge=["fact"]):
            await at_rest.run("knowledge", LOSE_AN_OLD_FACT)
            found = await at_rest.findings()
            assert "fact.missing" in {finding.check for finding in found}


async def test_what_waits_is_open_and_nothing_is_wrong(at_rest: AtRest) -> None:
    async with at_rest.restored(performance=["recalculation"]):
        await at_rest.run("performance", MARK)
        found = await at_rest.findings()
    assert {(finding.kind, finding.check) for finding in found} == {
        (Kind.OPEN, "recalculation.waits")
    }


async def poisoned(at_rest: AtRest, reason: str) -> None:
    """Let the pipeline tell what nobody can read, and let everybody put it aside."""
    event_id = new_id()
    await at_rest.run("pipeline", TELL, event_id, new_id())
    await at_rest.run("pipeline", RAISE_HEAD, event_id)
    for service, consumer in CONSUMERS.items():
        parked_id = derived_id(consumer, event_id)
        await at_rest.run(service, PARK, parked_id, consumer, event_id, reason)
        await at_rest.run(service, RAISE_WATERMARK, consumer, event_id)


@pytest.mark.parametrize(
    ("reason", "wrong"), [("没有该类型的事件契约", set()), ("", {"parked.reason"})]
)
async def test_what_was_put_aside_is_open_as_long_as_it_is_explained(
    at_rest: AtRest, reason: str, wrong: set[str]
) -> None:
    aside = dict.fromkeys(CONSUMERS, ("parked", "watermark"))
    async with at_rest.restored(pipeline=LOGS, **aside):
        await poisoned(at_rest, reason)
        found = await at_rest.findings()
    is_open = {finding.check for finding in found if finding.kind is Kind.OPEN}
    assert is_open == {"event.unreadable", "parked.waits"}
    assert {finding.check for finding in found if finding.kind is Kind.WRONG} == wrong


async def pharos_verify(*words: str, **variables: str) -> Result:
    """Run the command with no other PHAROS variable than these, in an English terminal."""
    others: dict[str, str | None] = dict.fromkeys(
        name for name in os.environ if name.startswith("PHAROS_")
    )
    given = {**others, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", **variables}
    # In a thread: the command has an event loop of its own.
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, ["verify", *words], env=given))


async def test_the_command_says_how_much_it_checked(at_rest: AtRest) -> None:
    english = await pharos_verify("--data", str(at_rest.folder))
    assert english.exit_code == 0, english.stderr + english.stdout
    assert english.stdout.startswith("Checked 25 deals, 1 accounts, 2 products, ")
    assert english.stdout.endswith(": 0 wrong, 0 open.\n")
    chinese = await pharos_verify("--data", str(at_rest.folder), LC_ALL="zh_CN.UTF-8")
    assert chinese.stdout.startswith("已核对 25 笔商机、")


async def test_the_command_names_what_is_wrong_and_ends_with_1(at_rest: AtRest) -> None:
    databases = json.dumps({"performance": at_rest.dsns["performance"]})
    async with at_rest.restored(performance=["incentive"]):
        await at_rest.run("performance", "UPDATE incentive SET amount = amount + 0.01")
        answer = await pharos_verify("--lang", "zh", PHAROS_VERIFY_DATABASES=databases)
        machine = await pharos_verify("--json", PHAROS_VERIFY_DATABASES=databases)
    assert answer.exit_code == machine.exit_code == 1
    assert "错误：performance.incentive payee " in answer.stdout
    said = json.loads(machine.stdout)
    assert said["wrong"] == len(said["findings"]) > 0
    assert said["open"] == 0
    assert said["checked"]["incentives"] > 0


async def test_the_command_tells_what_is_only_open_by_3(at_rest: AtRest) -> None:
    async with at_rest.restored(performance=["recalculation"]):
        await at_rest.run("performance", MARK)
        answer = await pharos_verify("--data", str(at_rest.folder))
    assert answer.exit_code == 3
    assert answer.stdout.startswith("not yet followed: performance.recalculation payee ")


async def test_an_installation_that_does_not_run_is_told_how_to_start() -> None:
    with throwaway_folder() as folder:
        kept_passwords_in(folder)
        answer = await pharos_verify("--data", str(folder))
    assert answer.exit_code == 4
    assert f"Nothing runs in {folder}. Start it: pharos run --data " in answer.stderr


def kept_passwords_in(folder: Path) -> None:
    """Make what an installation leaves behind when it is stopped."""
    (folder / "secrets").mkdir()
    kept_passwords(folder / "secrets" / "roles.json")
