"""A process that dies while it tells receivers: every message arrives, twice only under its id."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest

from tests.flow.world import World
from tests.resilience.installation import LOOK_SECONDS, Installation
from tests.resilience.scale import scaled
from tests.resilience.test_crashes import PASSES, WEBHOOKS, dying
from tests.resilience.wholeness import whole
from tests.service.webhooks.receiver import Message, Receiver, receiving

ARRIVING_SECONDS: Final = 30
CASES: Final[Sequence[str]] = scaled(
    ["webhooks.sent@2"], [f"{name}@{turn}" for name in WEBHOOKS for turn in PASSES]
)


async def arrived(receiver: Receiver, names: set[str]) -> None:
    """Wait until all of these names were received."""
    for _ in range(int(ARRIVING_SECONDS / LOOK_SECONDS)):
        if set(receiver.names) >= names:
            break
        await asyncio.sleep(LOOK_SECONDS)
    assert set(receiver.names) == names


def numbers(messages: Sequence[Message]) -> dict[int, list[int]]:
    """Return the numbers of messages by partition, in the order in which they first came."""
    found: dict[int, list[int]] = {}
    for event in {message.id: message.event for message in messages}.values():
        found.setdefault(event["partition"], []).append(event["sequence"])
    return found


@pytest.mark.parametrize("failpoint", CASES)
async def test_a_crash_loses_no_message(
    installation: Installation, world: World, failpoint: str
) -> None:
    names: list[str] = []
    async with receiving() as receiver:
        body = {"url": receiver.url(), "types": ["pharos.pipeline.account.*"], "skip_client": None}
        made = await world.post("/pipeline/v1/webhooks", body)
        async with dying(installation, {"pipeline": failpoint}) as over:
            while not over.is_set() or len(names) < 20:
                name = f"客户{len(names)}"
                path = f"/pipeline/v1/accounts/by-external/{made['id']}/{len(names)}"
                answer = await world.http.put(path, json={"name": name})
                assert answer.status_code == 200, answer.text
                names.append(name)
        await arrived(receiver, set(names))
        for message in receiver.received:
            message.verify(made["secret"])
        contents = {(message.id, message.body) for message in receiver.received}
        assert len(contents) == len(set(receiver.ids)) == len(names)
        for found in numbers(receiver.received).values():
            assert found == sorted(found)
        path, version = f"/pipeline/v1/webhooks/{made['id']}", {"If-Match": "*"}
        assert (await world.http.delete(path, headers=version)).status_code == 204
    await whole(installation.stack)
