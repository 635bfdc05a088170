"""Failpoints: named places where a test of faults ends the process, or holds it up.

In production none is armed, and passing one costs a look at an empty dictionary. Each name stands
here once and is passed at one place in the code; tests/architecture/test_failpoints.py holds that.
"""

import os
import re
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

PLACES: Final[Mapping[str, str]] = {
    "request.claimed": "The Idempotency-Key is claimed, the command has not begun.",
    "request.done": "Effect and events are written, the answer is not stored under its key.",
    "request.committing": "The answer is stored too; nothing of it is committed.",
    "request.committed": "All of it is committed; the caller has no answer, the relay no hint.",
    "relay.leading": "The lease is ours; head and cursor have not been read.",
    "relay.numbering": "Events may wait in the outbox; they have no numbers.",
    "relay.numbered": "Numbers and links are committed; nobody was told, nothing was published.",
    "relay.publishing": "The stream is there, the events have not been sent to it.",
    "broker.sent": "The events are on their way to the broker; it has acknowledged none of them.",
    "relay.published": "The broker has acknowledged all; the cursor does not say so.",
    "relay.remembered": "The cursor says what the broker has acknowledged.",
    "consumer.leading": "The lease is ours; the watermark has not been read.",
    "consumer.fed": "A page came from the feed; nothing of it is applied.",
    "consumer.advanced": "The watermark has moved in the transaction; there is no effect yet.",
    "consumer.committing": "Watermark and effect are written; neither is committed.",
    "consumer.committed": "Watermark and effect are committed; this process does not know it.",
    "consumer.refused": "A batch was rolled back; its events have not been tried one by one.",
    "consumer.parking": "A refused event is put aside and the watermark past it; not committed.",
    "replay.reacted": "A parked event is applied; it still counts as parked, nothing is committed.",
    "replay.settled": "It counts as replayed too; nothing is committed.",
    "chore.done": "A batch of waiting work is committed; the next one has not begun.",
    "import.applied": "Rows, their results and the job's place are written; nothing is committed.",
    "import.committed": "A batch of rows is committed; the worker has not gone on.",
    "repost.taken": "Marked facts are taken off the list; nothing is posted, nothing committed.",
    "recalculation.taken": "Marked payees are taken off the list; nothing is posted or committed.",
    "incentives.posting": "What payees are due is worked out; none of it is written.",
    "incentives.posted": "Pay and its events are written; nothing is committed.",
    "audit.taken": "Changes are taken off the waiting list; they have no numbers yet.",
    "audit.sealing": "A block and its rows are written and chained; nothing is committed.",
    "audit.sealed": "A block is committed; this process does not know it.",
    "webhooks.followed": "Messages are written, the position is past them; neither is committed.",
    "webhooks.claimed": "A message is claimed for an attempt; nothing was sent.",
    "webhooks.sent": "The receiver has answered; neither the attempt nor its end is on record.",
    "webhooks.recorded": "What came of an attempt is written; it is not committed.",
    "retention.forgotten": "Some old keys are forgotten for good, others wait for the next round.",
}
"""Every failpoint, and what has and has not happened there."""

Action: TypeAlias = Callable[[], Awaitable[None]]

_WRITTEN = re.compile(r"(?P<name>[a-z]+\.[a-z]+)@(?P<turn>[1-9][0-9]{0,8})")


@dataclass(slots=True)
class Failpoint:
    """An armed place; ``action`` runs when it is passed for the ``turn``-th time."""

    name: str
    turn: int
    action: Action
    passed: int = 0

    async def pass_by(self) -> None:
        """Count, and act when it is the turn."""
        self.passed += 1
        if self.passed == self.turn:
            await self.action()


_armed: Final[dict[str, Failpoint]] = {}


async def reach(name: str) -> None:
    """Pass the failpoint of that name."""
    if _armed and name in _armed:
        await _armed[name].pass_by()


async def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def parse(text: str) -> tuple[str, int]:
    """Return name and turn of ``name@turn``; ValueError for any other form and unknown names."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError("give a failpoint as name@turn, such as relay.numbered@2")
    name = written["name"]
    if name not in PLACES:
        raise ValueError(f"there is no failpoint {name}; there are {', '.join(PLACES)}")
    return name, int(written["turn"])


def arm(text: str, action: Action = die) -> Failpoint:
    """Arm ``name@turn`` in this process, in place of an earlier one of that name."""
    name, turn = parse(text)
    _armed[name] = Failpoint(name, turn, action)
    return _armed[name]


@contextmanager
def armed(text: str, action: Action) -> Iterator[Failpoint]:
    """Arm ``name@turn`` for the length of the block: to raise or to wait in one process."""
    failpoint = arm(text, action)
    try:
        yield failpoint
    finally:
        _armed.pop(failpoint.name, None)
