"""What a service has told: its numbered log and what still waits in its outbox."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from deploy.verify.deals import Unreadable, deal_of
from deploy.verify.reading import Row, Tables


@dataclass(frozen=True)
class Told:
    """One event; ``number`` is None while it waits in the outbox."""

    source: str
    partition: int
    number: int | None
    id: UUID
    previous_id: UUID | None
    type: str
    subject: UUID
    version: int
    time: datetime
    logged_at: datetime | None
    correlation_id: UUID
    causation_id: UUID | None
    origin: str
    text: str

    @cached_property
    def payload(self) -> dict[str, Any]:
        """Return what it says; nothing where that is no JSON object."""
        found = json.loads(self.text)
        return found if isinstance(found, dict) else {}

    @cached_property
    def name(self) -> str:
        """Return its type without product, service and version: ``deal.won``."""
        return ".".join(self.type.split(".")[2:-1])

    @property
    def noun(self) -> str:
        """Return what it is about: ``deal``."""
        return self.name.partition(".")[0]

    @property
    def place(self) -> str:
        """Return where it stands, and what it is about, in words."""
        about = f"{self.noun} {self.subject}"
        if self.number is None:
            return f"{self.source}.outbox event {self.id} {about}"
        return f"{self.source}.event_log partition {self.partition} number {self.number} {about}"


class Log:
    """The events of one service in their order, by partition, subject and number.

    ``aside`` are the places (partition, number) that some reader put aside. What is unreadable
    there is known to be so, and says nothing.
    """

    def __init__(
        self, source: str, tables: Tables, aside: Collection[tuple[int, int]] = ()
    ) -> None:
        self.source = source
        self.relay: dict[int, Row] = {row["partition"]: row for row in tables["relay"]}
        self.numbered = [_told(source, row) for row in tables["event_log"]]
        self.waiting = [_told(source, row) for row in tables["outbox"]]
        self.unreadable = [
            told
            for told in self.numbered
            if (told.partition, told.number) in aside and not _is_readable(told)
        ]
        unreadable = {told.id for told in self.unreadable}
        self.readable = [told for told in self.numbered if told.id not in unreadable]
        self.events = [*self.readable, *self.waiting]
        """All that can be read, what waits last."""

    @cached_property
    def by_partition(self) -> dict[int, list[Told]]:
        """Return the numbered events of each partition in order."""
        found: defaultdict[int, list[Told]] = defaultdict(list)
        for told in self.numbered:
            found[told.partition].append(told)
        return found

    @cached_property
    def by_number(self) -> dict[tuple[int, int], Told]:
        """Return the numbered events by partition and number."""
        return {(told.partition, told.number or 0): told for told in self.numbered}

    @cached_property
    def by_subject(self) -> dict[tuple[str, UUID], list[Told]]:
        """Return all events by noun and subject in order, those that wait last."""
        found: defaultdict[tuple[str, UUID], list[Told]] = defaultdict(list)
        for told in self.events:
            found[told.noun, told.subject].append(told)
        return found

    def head(self, partition: int) -> int:
        """Return the number of the last event of a partition."""
        row = self.relay.get(partition)
        return 0 if row is None else int(row["head"])

    def floor(self, partition: int) -> int:
        """Return the lowest number that is kept; one beyond the head where none is."""
        kept = self.by_partition.get(partition)
        return (kept[0].number or 0) if kept else self.head(partition) + 1

    @cached_property
    def is_whole(self) -> bool:
        """Tell whether nothing was forgotten yet: every partition begins with its first event."""
        return all(self.floor(partition) <= 1 for partition in self.relay)

    def partition_of(self, subject: UUID) -> int:
        """Return the partition to which a subject belongs."""
        return (subject.int & 0xFFFF_FFFF) % max(len(self.relay), 1)

    def is_forgotten(self, subject: UUID) -> bool:
        """Tell whether events of a subject may have gone out of retention."""
        return self.floor(self.partition_of(subject)) > 1

    def last(self, *names: str) -> Iterator[Told]:
        """Yield of each subject the last event of these names, by its version."""
        newest: dict[UUID, Told] = {}
        for told in self.events:
            if told.name in names:
                held = newest.get(told.subject)
                if held is None or held.version < told.version:
                    newest[told.subject] = told
        yield from newest.values()


DEAL_NAMES = ("deal.opened", "deal.edited", "deal.won", "deal.lost", "deal.reopened")

SUBJECT_FIELDS = {
    **dict.fromkeys(DEAL_NAMES, "deal_id"),
    "account.saved": "account_id",
    "product.saved": "product_id",
    "unit.saved": "unit_id",
    "unit.placed": "unit_id",
    "member.saved": "member_id",
    "member.assigned": "member_id",
    "target.set": "target_id",
    "attainment.updated": "target_id",
    "plan.saved": "plan_id",
    "plan.assigned": "assignment_id",
    "incentive.recalculated": "incentive_id",
}
"""Which field of an event names its subject."""


def _is_readable(told: Told) -> bool:
    """Tell whether an event is of a kind and version that the verifier knows, and is whole."""
    try:
        if told.type != f"pharos.{told.source}.{told.name}.v1":
            return False
        payload = told.payload
        says = (payload["version"], payload[SUBJECT_FIELDS[told.name]])
        if told.name in DEAL_NAMES:
            deal_of(told.text)
    except (Unreadable, LookupError, TypeError, ValueError):
        return False
    return says == (told.version, str(told.subject))


def _told(source: str, row: Row) -> Told:
    return Told(
        source=source,
        partition=row["partition"],
        number=row.get("number"),
        id=row["event_id"],
        previous_id=row.get("previous_event_id"),
        type=row["type"],
        subject=row["aggregate_id"],
        version=row["aggregate_version"],
        time=row["occurred_at"],
        logged_at=row.get("logged_at"),
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        origin=row["origin"],
        text=row["payload"],
    )
