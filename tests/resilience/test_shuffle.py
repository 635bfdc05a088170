"""Shuffle and repeat: however a history reaches its readers, they end where order would lead."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import groupby

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from deploy.local.place import throwaway_folder
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from deploy.serving import load
from shared.events.envelope import Event
from shared.migrate import upgrade
from tests.resilience.histories import Do, Follow, Hear, History, Step, Work, histories
from tests.resilience.replicas import NAMES, Replica, event_of, replica
from tests.resilience.scale import FULL, scaled
from tests.resilience.state import state_of


@pytest.fixture(scope="module")
async def replicas() -> AsyncIterator[tuple[Replica, Replica]]:
    """Two databases with the same company: one for the order, one for the shuffle."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(throwaway_folder())
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
        made = []
        for database in ("in_order", "shuffled"):
            dsns = await provision(postgres.dsn("postgres"), folder, database=database)
            for name in NAMES:
                await asyncio.to_thread(upgrade, load(name), dsns[name])
            made.append(await stack.enter_async_context(replica(dsns)))
        yield made[0], made[1]


@settings(
    max_examples=scaled(20, 2_000),
    deadline=None,
    derandomize=not FULL,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(history=histories())
async def test_any_order_and_any_repetition_end_as_once_in_order(
    replicas: tuple[Replica, Replica], history: History
) -> None:
    ordered, shuffled = replicas
    events = [event_of(fact, number) for number, fact in enumerate(history.facts, start=1)]
    await asyncio.gather(_in_order(ordered, history, events), _shuffled(shuffled, history, events))
    wanted, found = await state_of(ordered.databases), await state_of(shuffled.databases)
    for what, rows in wanted.items():  # the first difference, without the rows that agree
        lost = [row for row in rows if row not in found[what]]
        wrong = [row for row in found[what] if row not in rows]
        assert (lost, wrong) == ([], []), what
    assert not wanted["targets: waiting"]
    assert not wanted["performance: waiting"]


async def _in_order(world: Replica, history: History, events: list[Event]) -> None:
    """Tell everything once, in the order in which it happened."""
    await world.begin()
    done = 0
    for event, acts in zip(events, history.after, strict=True):
        for act in history.acts[done:acts]:
            await world.do(act)
        done = max(done, acts)
        for reader in ("attainment", "credits", "wins"):
            await world.hear(reader, [event])
    for act in history.acts[done:]:
        await world.do(act)
    await world.settle()


async def _shuffled(world: Replica, history: History, events: list[Event]) -> None:
    """Tell everything in the steps of the history."""
    await world.begin()
    acts = iter(history.acts)
    parked: set[Hear] = set()
    for key, steps in groupby(history.steps, _alike):
        if isinstance(key, str):
            places = [step.place for step in steps if isinstance(step, Hear)]
            for start in range(0, len(places), history.batch):
                batch = places[start : start + history.batch]
                await world.hear(key, [events[place] for place in batch])
            continue
        for step in steps:
            await _step(world, step, events, parked)
            if isinstance(step, Do):
                await world.do(next(acts))
    await world.follow(random.Random(len(events)))
    await world.settle()


def _alike(step: Step) -> str | type[Step]:
    """Return what steps have in common that can be one batch: the reader who hears."""
    if isinstance(step, Hear) and not step.parked:
        return step.reader
    return type(step)


async def _step(world: Replica, step: Step, events: list[Event], parked: set[Hear]) -> None:
    match step:
        case Hear() if step in parked:
            await world.replay(step.reader, events[step.place])
        case Hear():
            parked.add(step)
            await world.park(step.reader, events[step.place])
        case Follow():
            await world.follow(random.Random(step.dice))
        case Work():
            await world.work()
