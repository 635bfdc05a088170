"""Failpoints: nothing happens unless one is armed, and then at its turn only."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.failpoints import PLACES, armed, parse, reach
from shared.settings import ServiceSettings

NAME = "relay.numbered"
ROOT = Path(__file__).resolve().parents[3]


class Stumbled(Exception):
    """What a test lets a failpoint raise."""


async def stumble() -> None:
    raise Stumbled


async def test_nothing_happens_where_none_is_armed() -> None:
    for name in PLACES:
        await reach(name)


async def test_it_acts_at_its_turn_and_at_no_other() -> None:
    with armed(f"{NAME}@3", stumble) as failpoint:
        await reach(NAME)
        await reach("relay.published")
        await reach(NAME)
        with pytest.raises(Stumbled):
            await reach(NAME)
        await reach(NAME)
        assert failpoint.passed == 4
    await reach(NAME)
    assert failpoint.passed == 4


async def test_it_can_hold_up_what_passes() -> None:
    reached, goes_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        reached.set()
        await goes_on.wait()

    with armed(f"{NAME}@1", wait):
        passing = asyncio.create_task(reach(NAME))
        await reached.wait()
        assert not passing.done()
        goes_on.set()
        await passing


@pytest.mark.parametrize(
    "text",
    ["relay.numbered", "relay.numbered@0", "relay.numbered@", "@1", "relay.numbered@-1",
     "relay.numbered@1 ", "RELAY.NUMBERED@1", "relay.nowhere@1", "relay.numbered@1,broker.sent@1"],
)  # fmt: skip
def test_what_is_not_a_known_failpoint_and_a_turn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="failpoint"):
        parse(text)
    with pytest.raises(ValidationError) as refused:
        ServiceSettings(failpoint=text)
    assert ("failpoint",) in [fault["loc"] for fault in refused.value.errors()]


def test_a_service_is_killed_at_the_turn() -> None:
    program = (
        "import asyncio\n"
        "from shared.failpoints import arm, reach\n"
        f"arm('{NAME}@2')\n"
        "async def main():\n"
        f"    await reach('{NAME}')\n"
        "    print('once', flush=True)\n"
        f"    await reach('{NAME}')\n"
        "    print('twice', flush=True)\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "once\n")
