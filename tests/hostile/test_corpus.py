"""No input gives a failure: every hostile value at every place of every route of every service."""

import asyncio
from collections.abc import Callable

import orjson
import pytest

from deploy.installation import SERVICES
from tests.hostile.cases import KINDS, chosen, fields, valid
from tests.hostile.conftest import Target
from tests.hostile.documents import Route
from tests.hostile.raw import Answer
from tests.hostile.speaking import Sent, Speaker, differences, speaking
from tests.resilience.scale import SEED, scaled

EACH = scaled(250, 1_000_000)
"""Cases of a kind for a service; which they are changes from run to run."""
SPEAKERS = 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", SERVICES)
async def test_no_input_gives_a_failure(
    target: Target,
    service: str,
    kind: str,
    record_property: Callable[[str, object], None],
) -> None:
    cases = [case for route in target.routes[service] for case in KINDS[kind](route, target.maker)]
    thrown = chosen(cases, EACH, SEED)
    waiting = iter(thrown)
    accepted = 0

    async def throw() -> None:
        nonlocal accepted
        async with speaking(target.port, target.token) as speaker:
            for case in waiting:
                accepted += (await speaker.say(case)).status < 400

    async with asyncio.TaskGroup() as group:
        for _ in range(SPEAKERS):
            group.create_task(throw())
    record_property("thrown", len(thrown))
    record_property("accepted", accepted)


async def test_the_requests_that_are_varied_are_mostly_valid(target: Target) -> None:
    # Otherwise what is thrown would never get past the door. What a schema cannot say of its
    # fields together may keep a few out.
    writes = [route for every in target.routes.values() for route in every if route.body]
    refused = []
    async with speaking(target.port, target.token) as speaker:
        for route in writes:
            answer = await speaker.say(valid(route, target.maker))
            if answer.status == 422:
                refused.append(f"{route.name}: {answer.body.decode()}")
    assert len(refused) * 4 <= len(writes), refused


@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_accepted_is_read_back_as_it_was_sent(
    target: Target, service: str, record_property: Callable[[str, object], None]
) -> None:
    cases = [
        (route, case)
        for route in target.routes[service]
        for case in chosen(list(fields(route, target.maker)), scaled(60, 1_000_000), SEED)
    ]
    compared = 0
    async with speaking(target.port, target.token) as speaker:
        for route, case in cases:
            answer = await speaker.say(case)
            if answer.status < 300:
                assert case.body is not None
                got = orjson.loads(answer.body)
                assert differences(orjson.loads(case.body), got) == [], case
                compared += await _read_back(speaker, target, route, answer)
    record_property("compared", compared)


async def _read_back(speaker: Speaker, target: Target, route: Route, answer: Answer) -> bool:
    """Hold what was answered to what is read where the document has a way to read one."""
    written = orjson.loads(answer.body)
    collection = route.template.partition("/{")[0]
    for other in target.routes[route.service]:
        below = other.template.removeprefix(f"{collection}/{{")
        if other.method == "GET" and below != other.template and below.rstrip("}").isidentifier():
            if not isinstance(written, dict) or "id" not in written:
                return False
            path = {other.at("path")[0].name: written["id"]}
            read = await speaker.say(Sent("GET", other.target(path)))
            if read.status == 200:
                assert differences(written, orjson.loads(read.body)) == []
                return True
    return False
