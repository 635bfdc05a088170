"""The examples of the API descriptions: each is accepted by the real services, and answered so.

After a wished change: ``PHAROS_WRITE_SNAPSHOTS=1 make test TESTS=tests/flow/test_examples.py``. A
new operation is added to ``services/<service>/examples.json`` without its answer, which is then
written; where a later request needs an id of it, as ``"answer": {"id": "<any UUID>"}``.
"""

from dataclasses import replace

import httpx
import pytest

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from tests.flow.settling import settled
from tests.flow.story import IN_ORDER, Ids, is_renewed, story, tell, write

Places = dict[tuple[str, str], tuple[str, str]]
"""Method and path of an operation, by service and name."""


async def test_every_example_is_accepted_and_answered_as_it_says() -> None:
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False) as stack:
            token = stack.token(roles=["admin"])
            async with httpx.AsyncClient(
                base_url=stack.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=20
            ) as client:
                await _tell_all(stack, client)


async def _tell_all(stack: Stack, client: httpx.AsyncClient) -> None:
    places = await _places(client)
    ids = Ids()
    stories = {service: story(service) for service in IN_ORDER}
    for is_change in (True, False):  # what is read, is read when all has followed
        for service in IN_ORDER:
            for number, told in enumerate(stories[service]):
                place = places[service, told.operation]
                if (place[0] != "GET") is is_change:
                    status, answer = await tell(client, ids, place, told)
                    assert status == told.status, (told.summary, answer)
                    if is_renewed():
                        stories[service][number] = replace(told, answer=answer)
                    assert answer == stories[service][number].answer, told.summary
                    if is_change:  # one after the other, so that versions are always the same
                        await settled(stack)
    if is_renewed():
        for service in IN_ORDER:
            write(service, stories[service])


async def _places(client: httpx.AsyncClient) -> Places:
    found: Places = {}
    for service in IN_ORDER:
        document = (await client.get(f"/{service}/v1/openapi.json")).json()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                place = method.upper(), f"/{service}{path}"
                found[service, operation["operationId"]] = place
    return found


@pytest.mark.parametrize("service", IN_ORDER)
def test_no_two_examples_of_an_operation_have_one_name(service: str) -> None:
    names = [(told.operation, told.summary) for told in story(service)]
    assert len(names) == len(set(names))
