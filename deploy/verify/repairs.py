"""Repairs: what a reader knew before it was brought to its source's snapshot names another log."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from deploy.verify.ids import made_at
from deploy.verify.reading import Row, Tables

REBUILT = "rebuilt from "
STOPPED = ", having stopped: "


@dataclass(frozen=True, slots=True)
class Repairs:
    """The repairs of one reader, by partition of its source.

    ``last`` is when it last followed a snapshot, ``number`` behind which event it went on from
    there, ``steps`` are all such steps as (partition, moment, number). ``rebuilt`` is when all was
    last derived anew, ``other`` when it last left a log that its source may no longer have.
    """

    last: dict[int, datetime] = field(default_factory=dict)
    number: dict[int, int] = field(default_factory=dict)
    steps: set[tuple[int, datetime, int]] = field(default_factory=set)
    rebuilt: dict[int, datetime] = field(default_factory=dict)
    other: dict[int, datetime] = field(default_factory=dict)

    def brought(self, partition: int | None, number: int) -> bool:
        """Tell whether a fact of that number was there when its reader followed a snapshot.

        The reader goes on behind the number of the snapshot; what it learns since is above.
        """
        return partition in self.number and number <= self.number[partition]

    def overruled(self, row: Row) -> bool:
        """Tell whether a snapshot has meanwhile said what was put aside."""
        return _until(self.last, row["partition"], row["parked_at"])

    def excuse(self, partition: int | None, posted_at: datetime) -> bool:
        """Tell whether what was posted then may name a log that the source no longer has."""
        return _until(self.other, partition, posted_at)

    def posted_anew(self, partition: int, told_at: datetime) -> bool:
        """Tell whether what was posted when this was told has been posted anew since."""
        return _until(self.rebuilt, partition, told_at)


def repairs_of(tables: Tables, consumer: str, source: str) -> Repairs:
    """Return the repairs of a reader."""
    found = Repairs()
    for row in sorted(_of(tables, consumer, source), key=_made):
        partition, made = row["partition"], _made(row)
        is_rebuild = row["reason"].startswith(REBUILT)
        if is_rebuild:
            found.rebuilt[partition] = made
        else:
            found.last[partition] = made
            found.number[partition] = row["number"]
            found.steps.add((partition, row["repaired_at"], row["number"]))
        if not is_rebuild or STOPPED in row["reason"]:
            found.other[partition] = made
    return found


def _of(tables: Tables, consumer: str, source: str) -> Iterable[Row]:
    name = (consumer, source)
    return (row for row in tables["repair"] if (row["consumer"], row["source"]) == name)


def _made(row: Row) -> datetime:
    """Return when a step came to its end, which its id says; its moment says when it began."""
    began: datetime = row["repaired_at"]
    return max(began, made_at(row["id"]) or began)


def _until(moments: dict[int, datetime], partition: int | None, moment: datetime) -> bool:
    return partition in moments and moment <= moments[partition]
