"""Snapshots: a source's facts as they are now, for a reader that its log alone cannot set right.

The log is kept for a while only, and after the restore of a backup it no longer has what a reader
applied. What holds is what the source holds: a reader that is brought to the source's present
facts, whatever versions it knew, is exact again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from shared.context import Context, Origin
from shared.contracts.contract import Contract
from shared.db import Connection
from shared.events.envelope import Event
from shared.events.outbox import partition_of
from shared.ids import derived_id

START = UUID(int=0)

SnapshotOf: TypeAlias = Callable[[Connection, UUID, int], Awaitable[Sequence[Contract]]]
"""Reads the present facts of the next subjects: of those behind an id, in order, at most so many.

A subject comes whole, with all facts of it.
"""


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a source's log ends: number and id of its last event."""

    number: int
    event_id: UUID | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """All facts of a partition whose subjects lie behind ``after`` and up to ``last``.

    ``last`` None: to the end. The facts are at least as new as event ``tip`` of the source.
    """

    source: str
    partition: int
    tip: Tip
    after: UUID
    last: UUID | None
    events: Sequence[Event]


Correct: TypeAlias = Callable[[Connection, Context, Stretch], Awaitable[int]]
"""Makes a reader know just what a stretch says; returns how many facts were otherwise before."""


def stretch_of(
    found: Sequence[Contract],
    source: str,
    place: tuple[int, int],
    tip: Tip,
    after: UUID,
    limit: int,
    ctx: Context,
) -> Stretch:
    """Return what a snapshot read behind ``after``; ``place`` is the partition, of how many."""
    partition, partitions = place
    subjects = {fact.subject for fact in found}
    events = [
        _event(fact, source, partition, tip, ctx)
        for fact in found
        if partition_of(fact.subject.int, partitions) == partition
    ]
    last = max(subjects) if len(subjects) >= limit else None
    return Stretch(source, partition, tip, after, last, events)


def _event(fact: Contract, source: str, partition: int, tip: Tip, ctx: Context) -> Event:
    return Event(
        id=derived_id("snapshot", fact.TYPE, fact.subject, fact.version),
        source=source,
        partition=partition,
        number=tip.number,
        previous_id=None,
        type=fact.TYPE,
        subject=fact.subject,
        version=fact.version,
        time=ctx.now,
        correlation_id=ctx.correlation_id,
        causation_id=None,
        origin=Origin.IMPORT,  # what a reader learns in this way is no news
        traceparent=None,
        data=fact.model_dump_json(),
        content=fact,
    )


def withdrawal(
    subject: UUID, version: int, stretch: Stretch, cause_id: UUID, now: datetime
) -> Event:
    """Return what stands for the event that never was: the source does not have the subject."""
    return Event(
        id=cause_id,
        source=stretch.source,
        partition=stretch.partition,
        number=stretch.tip.number,
        previous_id=None,
        type="",
        subject=subject,
        version=version,
        time=now,
        correlation_id=cause_id,
        causation_id=None,
        origin=Origin.IMPORT,
        traceparent=None,
        data=None,
    )
