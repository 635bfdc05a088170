"""The operators' commands against a running installation."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local.stack import Stack
from deploy.operate import consumers, doctor, park, payees
from deploy.operate.access import Access, Refused, Services, access_to, opened
from deploy.operate.consumers import Chosen
from deploy.operate.park import Kind
from deploy.operate.words import Told
from tests.flow.world import World

EVENT = """
    INSERT INTO parked (
        id, consumer, source, partition, number, event_id, type, event, reason, stack, parked_at)
    SELECT gen_random_uuid(), 'attainment', 'pipeline', partition, -floor(random() * 1e9),
           event_id, type,
           json_build_object(
               'id', event_id, 'source', 'pipeline', 'type', type, 'subject', aggregate_id,
               'time', occurred_at, 'partition', partition, 'sequence', number,
               'aggregateversion', aggregate_version, 'correlationid', correlation_id,
               'origin', origin, 'data', payload),
           $2, 'Traceback: 没有合适的处理', now()
      FROM jsonb_to_record($1) AS e (
           partition smallint, number bigint, event_id uuid, type text, aggregate_id uuid,
           occurred_at timestamptz, aggregate_version bigint, correlation_id uuid, origin text,
           payload json)
"""


@pytest.fixture
async def services(stack: Stack) -> AsyncIterator[Services]:
    async with opened(access_to(stack.folder, "en")) as found:
        yield found


async def parked(stack: Stack, reason: str) -> None:
    """Park the last event of the pipeline once more, for the targets."""
    source = await asyncpg.connect(stack.settings["pipeline"].database_url)
    reader = await asyncpg.connect(stack.settings["targets"].database_url)
    try:
        last = await source.fetchval(
            "SELECT row_to_json(e) FROM event_log AS e ORDER BY number DESC LIMIT 1"
        )
        await reader.execute(EVENT, last, reason)
    finally:
        await source.close()
        await reader.close()


async def command(*words: str, **variables: str) -> tuple[int, str, str]:
    """Run the command as a person does; return code, output and errors."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("PHAROS_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**plain, "NO_COLOR": "1", "COLUMNS": "200", "LANG": "C.UTF-8", **variables},
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_the_doctor_finds_nothing_where_all_is_well(world: World) -> None:
    await world.won_deal("100.00")
    await world.settle()
    code, output, errors = await command("doctor", "--data", str(world.stack.folder))
    assert (code, errors) == (0, "")
    assert output.startswith("All is well: targets, pipeline, performance, knowledge answer")
    access = access_to(world.stack.folder, "en")
    code, output, _ = await command(
        *("doctor", "--json", "--lang", "zh"),
        PHAROS_SERVICES=json.dumps(dict(access.services)),
        PHAROS_TOKEN_URL=access.token_url,
        PHAROS_CLIENT_ID=access.client_id,
        PHAROS_CLIENT_SECRET=access.client_secret,
    )
    assert (code, json.loads(output)["well"]) == (0, True)


async def test_heads_are_asked_for_after_all_consumers(services: Services) -> None:
    """Otherwise events that come between the answers make a consumer seem ahead of its source."""
    asked: list[str] = []

    async def note(request: httpx.Request) -> None:
        asked.append(request.url.path.rpartition("/")[2])

    services._http.event_hooks = {"request": [note]}
    await doctor.signs_of(services)
    assert asked.count("consumers") == asked.count("vitals") == 4
    assert "consumers" not in asked[asked.index("vitals") :]


async def test_what_is_parked_is_reported_replayed_and_discarded(
    world: World, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.won_deal("100.00")
    await world.settle()
    await parked(world.stack, "第一个")
    await parked(world.stack, "第二个")
    assert await doctor.examine(services, as_json=False) == 1
    told = capsys.readouterr().out
    assert "targets's attainment has put" in told
    assert "pharos park list --service targets --consumer attainment --data " in told
    assert await park.show(services, Kind(reason="第二"), stack=True, as_json=False) == 0
    told = capsys.readouterr().out
    assert "reason: 第二个" in told
    assert "    | Traceback: 没有合适的处理" in told
    assert "第一个" not in told
    (first,) = re.findall(r"^[0-9a-f-]{36}", told, re.MULTILINE)
    assert await park.settle(services, "replay", first, Kind(), all_of_kind=False) == 0
    assert await park.settle(services, "replay", first, Kind(), all_of_kind=False) == 1
    kind = Kind(service="targets", reason="第一")
    assert await park.settle(services, "discard", None, kind, all_of_kind=True) == 0
    capsys.readouterr()
    assert await park.show(services, Kind(), stack=False, as_json=False) == 0
    assert capsys.readouterr().out == "There is no parked event of this kind.\n"
    await world.settle()
    assert await world.won("李明") == 1  # the version guard: once applied, always once


async def test_a_stopped_consumer_is_listed_and_goes_on_behind_a_number(
    world: World, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.won_deal("100.00")
    await world.settle()
    reader = await asyncpg.connect(world.stack.settings["knowledge"].database_url)
    try:
        number = await reader.fetchval("SELECT number FROM watermark WHERE consumer = 'wins'")
        await reader.execute(
            "UPDATE watermark SET stopped = 'a test stops it' WHERE consumer = 'wins'"
        )
    finally:
        await reader.close()
    await consumers.show(services, Chosen("knowledge"), as_json=False)
    assert "STOPPED: a test stops it" in capsys.readouterr().out
    assert await doctor.examine(services, as_json=False) == 1
    assert "pharos consumer repair knowledge wins --data" in capsys.readouterr().out
    chosen = Chosen("knowledge", "wins")
    with pytest.raises(Told, match="has no event 999999 any more"):
        await consumers.repair(services, chosen, everything=False, from_number=999_999)
    await consumers.repair(services, chosen, everything=False, from_number=number)
    assert "were NOT taken back" in capsys.readouterr().out
    await world.won_deal("100.00")
    await world.settle()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("consumer", "repair"), "Name the service and its consumer, or say --all."),
        (("park", "replay", "--all"), "with at least one of --service"),
        (("payees", "retry"), "Name the payee's id, or say --all."),
        (("park", "list", "--service", "nobody"), "There is no service nobody; there are targets"),
        (("consumer", "repair", "targets", "nobody"), "There is no consumer nobody in targets."),
    ],
)
async def test_what_cannot_be_is_told_in_a_sentence(
    services: Services, words: tuple[str, ...], said: str
) -> None:
    calls = {
        ("consumer", "repair"): lambda: consumers.repair(
            services,
            Chosen("targets", "nobody") if len(words) > 2 else Chosen(),
            everything=False,
            from_number=None,
        ),
        ("park", "replay"): lambda: park.settle(services, "replay", None, Kind(), all_of_kind=True),
        ("payees", "retry"): lambda: payees.retry(services, None, everybody=False),
        ("park", "list"): lambda: park.show(
            services, Kind(service="nobody"), stack=False, as_json=False
        ),
    }
    with pytest.raises(Told, match=re.escape(said)):
        await calls[words[0], words[1]]()


async def test_nobody_is_set_aside_and_nothing_is_retried(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await payees.show(services) == 0
    assert await payees.retry(services, None, everybody=True) == 0
    assert capsys.readouterr().out == "No payee is set aside.\n" * 2


async def test_a_service_that_is_down_is_found(
    stack: Stack, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    access = services.access
    nowhere = {**access.services, "knowledge": "http://127.0.0.1:9"}
    there = Access(nowhere, access.token_url, access.client_id, access.client_secret, "zh")
    async with opened(there) as found:
        assert await doctor.examine(found, as_json=False) == 1
        assert "knowledge（http://127.0.0.1:9）没有响应" in capsys.readouterr().out
        with pytest.raises(Refused):
            await found.get("knowledge", "/v1/consumers")
    with pytest.raises(Told, match="gave no token"):
        async with opened(
            Access(access.services, access.token_url, access.client_id, "wrong", "en")
        ):
            pytest.fail("it was let in")
    assert stack.services


async def test_a_folder_in_which_nothing_runs_is_told(tmp_path: Path) -> None:
    code, output, errors = await command("doctor", "--data", str(tmp_path))
    assert (code, output) == (1, "")
    assert "it has no address file. Start it with `make run`." in errors
    assert "Traceback" not in errors
    code, _, errors = await command("park", "list", LANG="zh_CN.UTF-8")
    assert code == 1
    assert "请说明服务的位置" in errors
    assert "PHAROS_CLIENT_SECRET" in errors
