"""Ten thousand valid requests, each changed a little: none of them fails or breaks the line."""

from collections.abc import Callable

import pytest

from tests.hostile.conftest import Target
from tests.hostile.mutating import by_service, mutated
from tests.hostile.speaking import speaking
from tests.resilience.scale import scaled

SEEDS = range(10)
OF_EACH_SEED = scaled(80, 1_000)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_changed_request_is_served_or_refused(
    target: Target, seed: int, record_property: Callable[[str, object], None]
) -> None:
    statuses: dict[int, int] = {}
    routes = by_service(target.routes)
    async with speaking(target.port, target.token) as speaker:
        for sent in mutated(routes, target.maker, OF_EACH_SEED, seed):
            answer = await speaker.say(sent)
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
    record_property("statuses", statuses)
