"""The stream: events as they happen, and nothing lost between one stream and the next."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from deploy.local.http_server import HttpServer
from deploy.serving import load
from shared.events.tail import Overrun, Tail
from shared.http.service import create_app
from shared.runtime import Role
from tests.service.conftest import Installation

BY_EXTERNAL = "/v1/accounts/by-external/crm"
STREAM = "/v1/events/stream"


@dataclass(frozen=True)
class Heard:
    """A message of a stream; without data only its place moved."""

    id: str
    event: str | None
    data: Any

    @property
    def name(self) -> str:
        """Return the name of the account that the event tells of."""
        return str(self.data["data"]["name"])


@asynccontextmanager
async def serving(
    installation: Installation, *, roles: Sequence[str] = ("admin",), **settings: object
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve pipeline on a port, for as long as the block lasts, and lend a client."""
    app = create_app(load("pipeline"), installation.settings("pipeline", **settings), Role.ALL)
    http = HttpServer()
    async with app.router.lifespan_context(app):
        await http.start(app)
        token = installation.servers.issuer.token("tester", roles)
        async with httpx.AsyncClient(
            base_url=http.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=20
        ) as client:
            yield client
            await http.stop()


async def messages(answer: httpx.Response) -> AsyncIterator[Heard]:
    """Yield what a stream tells, without its comments."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, colon, value = line.partition(": ")
        if line and name and colon:
            fields[name] = value
        elif not line and "id" in fields:
            data = orjson.loads(fields["data"]) if "data" in fields else None
            yield Heard(fields["id"], fields.get("event"), data)
            fields = {}


async def heard(client: httpx.AsyncClient, count: int, **asked: Any) -> list[Heard]:
    """Open a stream, take so many messages with data from it, and leave."""
    found: list[Heard] = []
    async with client.stream("GET", STREAM, **asked) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for message in messages(answer):
            if message.data is not None:
                found.append(message)
            if len(found) == count:
                return found
    return found


async def write(client: httpx.AsyncClient, *names: str) -> None:
    for name in names:
        answer = await client.put(f"{BY_EXTERNAL}/{name}", json={"name": name})
        assert answer.status_code == 200


async def test_an_event_is_told_as_it_happens(installation: Installation) -> None:
    async with serving(installation) as client, client.stream("GET", STREAM) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        await write(client, "上海灯塔")
        told = await anext(messages(answer))
    assert told.event == told.data["type"] == "pharos.pipeline.account.saved.v1"
    assert (told.id, told.name) == ("0:1", "上海灯塔")


async def test_resuming_over_several_partitions_loses_and_repeats_nothing(
    installation: Installation,
) -> None:
    names = [f"客户{n}" for n in range(40)]
    async with serving(installation, partitions=4) as client:
        await write(client, *names[:20])
        found: list[str] = []
        place = "0:0"
        writing = asyncio.create_task(write(client, *names[20:]))
        while len(found) < len(names):  # seven at a time, each time from where the last one ended
            more = await heard(
                client, min(7, len(names) - len(found)), headers={"Last-Event-ID": place}
            )
            found += [message.name for message in more]
            place = more[-1].id
        await writing
    assert len({message.split(":")[0] for message in place.split(",")}) == 4
    assert sorted(found) == sorted(names)


async def test_a_stream_goes_on_behind_a_restart(installation: Installation) -> None:
    async with serving(installation) as client:
        await write(client, "一", "二")
        before = await heard(client, 2, params={"after": "0:0"})
    async with serving(installation) as client:
        await write(client, "三")
        after = await heard(client, 1, headers={"Last-Event-ID": before[-1].id})
    assert [message.name for message in before + after] == ["一", "二", "三"]


async def test_only_events_of_the_wanted_types_are_told_and_the_place_moves_past_others(
    installation: Installation,
) -> None:
    async with serving(installation) as client:
        await write(client, "一")
        await client.put("/v1/products/LH-100", json={"name": "灯"})
        await write(client, "二")
        for asked in ("saved.v1", "saved", "*"):
            params = {"types": f"pharos.pipeline.product.{asked}", "after": "0:0"}
            async with client.stream("GET", STREAM, params=params) as answer:
                stream = messages(answer)
                first = await anext(stream)
                told = first if first.data else await anext(stream)
                assert told.event == "pharos.pipeline.product.saved.v1"
                place = told.id
                while place != "0:3":
                    place = (await anext(stream)).id


async def test_what_the_caller_may_not_read_is_left_out(installation: Installation) -> None:
    async with serving(installation, roles=("admin",)) as client:
        await write(client, "一")
        issuer = installation.servers.issuer
        hr = {"Authorization": f"Bearer {issuer.token('tester', ('hr',))}"}
        assert (await client.get(STREAM, headers=hr)).status_code == 403


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"types": "pharos.pipeline.deal.vanished.v1"}, 422, "event_type_unknown"),
        ({"types": "pharos.targets.*"}, 422, "event_type_unknown"),
        ({"types": "%00"}, 422, "invalid_request"),
        ({"after": "nonsense"}, 422, "invalid_request"),
        ({"after": "7:1"}, 404, "partition_not_found"),
        ({"after": "0:99"}, 409, "place_unknown"),
    ],
)
async def test_what_cannot_be_streamed_is_refused(
    installation: Installation, asked: dict[str, str], status: int, code: str
) -> None:
    async with installation.api("pipeline") as api:
        answer = await api.get(STREAM, params=asked)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_is_no_longer_kept_cannot_be_resumed(installation: Installation) -> None:
    async with serving(installation) as client:
        await write(client, "一", "二", "三")
        await heard(client, 3, params={"after": "0:0"})
        async with installation.open("pipeline") as database, database.acquire() as conn:
            await conn.execute("DELETE FROM event_log WHERE number < 3")
        answer = await client.get(STREAM, headers={"Last-Event-ID": "0:1"})
        assert (answer.status_code, answer.json()["code"]) == (410, "events_expired")
        assert [m.name for m in await heard(client, 1, params={"after": "0:2"})] == ["三"]


async def test_a_stream_ends_before_the_token_does(installation: Installation) -> None:
    async with serving(installation) as client:
        short = installation.servers.issuer.token("tester", ("admin",), timedelta(seconds=7))
        async with client.stream(
            "GET", STREAM, headers={"Authorization": f"Bearer {short}"}
        ) as answer:
            assert [message async for message in messages(answer)] == []


async def test_a_stop_of_the_server_ends_its_streams(installation: Installation) -> None:
    async with serving(installation) as client:
        request = client.build_request("GET", STREAM)
        answer = await client.send(request, stream=True)
        reading = asyncio.create_task(_all(answer))
        await write(client, "一")
    assert [message.name for message in await reading] == ["一"]


async def _all(answer: httpx.Response) -> list[Heard]:
    return [message async for message in messages(answer)]


async def test_a_process_keeps_only_so_many_streams_open(installation: Installation) -> None:
    async with serving(installation, stream_limit=1) as client:
        async with client.stream("GET", STREAM):
            refused = await client.get(STREAM)
            assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
            assert refused.headers["retry-after"] == "5"
        await write(client, "一")
        while not await _is_taken(client):  # what has ended counts no more
            continue


async def _is_taken(client: httpx.AsyncClient) -> bool:
    async with client.stream("GET", STREAM) as answer:
        return answer.status_code == 200


async def test_a_listener_that_is_too_slow_is_let_go_with_what_waited(
    installation: Installation,
) -> None:
    app = create_app(load("pipeline"), installation.settings("pipeline"), Role.ALL)
    async with app.router.lifespan_context(app):
        runtime = app.state.runtime
        tail = Tail(runtime.database, "pipeline", runtime.doorbells, kept_max=3)
        slow, quick = await tail.listen(), await tail.listen()
        token = installation.servers.issuer.token("tester", ("admin",))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://service",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            numbers: list[int] = []
            for name in "一二三四五":
                await write(client, name)
                numbers += [told.event.number for told in await quick.next()]
        assert numbers == [1, 2, 3, 4, 5]
        assert [told.event.number for told in await slow.next()] == [1, 2, 3]
        with pytest.raises(Overrun):
            await slow.next()
        await tail.leave(quick)
        await tail.leave(slow)
