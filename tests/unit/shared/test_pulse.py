"""The pulse: who waits for a database that gives no sign is let go, all others are left alone."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared import pulse
from shared.pulse import Pulse


class Session:
    """A connection on which something waits until it is ended."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def terminate(self) -> None:
        self.ended.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(pulse, "SIGN_SECONDS", 0.2)
    monkeypatch.setattr(pulse, "LOOK_SECONDS", 0.02)


async def _answers() -> None:
    """Answer at once."""


async def _hangs() -> None:
    await asyncio.sleep(60)


async def _refuses() -> None:
    raise ConnectionRefusedError


@pytest.mark.parametrize("sign", [_hangs, _refuses])
async def test_who_waits_without_a_sign_is_let_go_and_nobody_else_begins(
    sign: Callable[[], Awaitable[None]],
) -> None:
    felt = Pulse(sign)
    session = Session()
    with felt.waiting() as waiting:
        waiting.holds(session)
        await session.ended.wait()
    assert felt.lost
    await felt.stop()


async def test_who_waits_for_a_connection_is_let_go_too() -> None:
    felt = Pulse(_hangs)

    async def wait() -> None:
        async with asyncio.timeout(60) as coming:
            waiting.comes(coming)
            await asyncio.sleep(60)

    with felt.waiting() as waiting, pytest.raises(TimeoutError):
        await wait()
    await felt.stop()


async def test_who_waits_for_long_is_left_alone_while_there_is_a_sign() -> None:
    felt = Pulse(_answers)
    session = Session()
    with felt.waiting() as waiting:
        waiting.holds(session)
        await asyncio.sleep(0.6)
    assert not session.ended.is_set()
    assert not felt.lost


async def test_an_answer_to_somebody_else_is_a_sign() -> None:
    felt = Pulse(_hangs)
    session = Session()
    with felt.waiting() as waiting:
        waiting.holds(session)
        for _ in range(12):
            with felt.waiting():
                await asyncio.sleep(0.05)
    assert not session.ended.is_set()


async def test_it_comes_back_with_the_first_sign() -> None:
    frozen = asyncio.Event()
    thawed = asyncio.Event()

    async def sign() -> None:
        frozen.set()
        await thawed.wait()

    felt = Pulse(sign)
    session = Session()
    with felt.waiting() as waiting:
        waiting.holds(session)
        await session.ended.wait()
    assert felt.lost
    thawed.set()
    async with asyncio.timeout(10):
        assert felt._task is not None
        await felt._task
    assert not felt.lost
