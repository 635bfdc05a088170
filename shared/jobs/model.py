"""What an import job is: a file, how it is read, and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.context import Origin
from shared.tables.model import Cell


class State(StrEnum):
    """Where a job is; the last three are for ever."""

    UPLOADING = "uploading"
    QUEUED = "queued"
    VALIDATING = "validating"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more will happen."""
        return self in {State.DONE, State.FAILED, State.CANCELLED}


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name the rows are applied, and with which roles."""

    subject: str
    client: str
    roles: tuple[str, ...]
    member_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the sender asked for."""

    noun: str
    origin: Origin
    dry_run: bool
    file: Mapping[str, Any]
    """Name, format, encoding, delimiter, sheet; what is left out is recognised."""
    profile: str | None
    source: str | None
    """The system that external ids belong to, for rows that do not say."""
    reason: str | None = None
    """Why, as it is kept with every row in the audit trail."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a job is: the rows of the file up to ``row`` are done in this round.

    Round 0 goes through the file; later ones through the rows that wait for something, of which
    ``settled`` no longer do. In the ``last`` round those that still wait are refused.
    """

    round: int = 0
    row: int = 0
    settled: int = 0
    last: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its row holds it."""

    id: UUID
    asker: Asker
    wanted: Wanted
    state: State
    size: int
    chunks: int
    mapping: Mapping[str, Any] | None
    header: Sequence[str]
    reading: Mapping[str, Any]
    """How the file is read: format, encoding and delimiter, once they are known."""
    total: int | None
    place: Place
    counts: Mapping[Outcome, int]
    heads: Sequence[int] | None
    problem: Mapping[str, str] | None
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def done(self) -> int:
        """Return how many rows have an outcome, waiting ones included."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row; ``cells`` and ``problems`` only where it was refused or waits."""

    number: int
    outcome: Outcome
    key: str | None
    subject: UUID | None
    version: int | None
    cells: Sequence[Cell] | None
    problems: Sequence[Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row of the file that has no outcome yet."""

    number: int
    cells: Sequence[Cell]
