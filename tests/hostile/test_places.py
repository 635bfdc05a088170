"""Places: first come, first served, bounded, and none is ever lost."""

import asyncio
import random

import pytest

from shared.http.places import BRIEF_SECONDS, STANDING, Place, Places


async def test_places_are_given_in_the_order_of_the_queue() -> None:
    places = Places(1, 5, 10)
    first = places.take()
    came: list[int] = []

    async def work(number: int) -> None:
        place = await places.wait()
        assert place is not None
        came.append(number)
        place.leave()

    tasks = [asyncio.create_task(work(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert places.full
    assert first is not None
    first.leave()
    await asyncio.gather(*tasks)
    assert came == [0, 1, 2, 3, 4]


async def test_who_waits_for_too_long_gets_no_place() -> None:
    places = Places(1, 5, 0.05)
    held = places.take()
    assert held is not None
    assert await places.wait() is None
    held.leave()
    assert places.take() is not None


async def test_in_a_queue_that_stands_nobody_waits_for_long() -> None:
    places = Places(1, 100, 1.5)
    held = places.take()
    first = asyncio.create_task(places.wait())
    await asyncio.sleep(STANDING * 1.5 + 0.1)
    assert await places.wait() is None
    assert not first.done()
    assert held is not None
    held.leave()
    served = await first
    assert served is not None
    served.leave()
    held = places.take()
    patient = asyncio.create_task(places.wait())
    await asyncio.sleep(3 * BRIEF_SECONDS)
    assert not patient.done()
    patient.cancel()


async def test_a_place_is_given_back_once() -> None:
    places = Places(1, 5, 1)
    held = places.take()
    assert held is not None
    held.leave()
    held.leave()
    assert places.take() is not None
    assert places.take() is None


@pytest.mark.parametrize("seed", range(5))
async def test_no_place_is_lost_however_many_give_up(seed: int) -> None:
    dice = random.Random(seed)
    places = Places(3, 20, 0.02)

    async def work() -> None:
        place: Place | None = places.take()
        if place is None and not places.full:
            place = await places.wait()
        if place is None:
            return
        try:
            await asyncio.sleep(dice.random() * 0.01)
        finally:
            place.leave()

    tasks = []
    for _ in range(500):
        tasks.append(asyncio.create_task(work()))
        if dice.random() < 0.3:
            dice.choice(tasks).cancel()
        if dice.random() < 0.3:
            await asyncio.sleep(dice.random() * 0.005)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [places.take() is not None for _ in range(4)] == [True, True, True, False]
