"""What is answered about import jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.errors import Language
from shared.fields import View
from shared.jobs.model import Job, Outcome, RowResult, State


class CountsView(View):
    """How many rows had which outcome."""

    created: int
    updated: int
    unchanged: int
    refused: int
    waiting: int


class FailureView(View):
    """Why an operation failed as a whole; nothing behind that point was done."""

    code: str
    detail: str


class OperationView(View):
    """An operation that takes its time: where it is and what has come of it.

    `done` of `total` rows have an outcome; `total` is null until the file has been gone through
    once. In a dry run the outcomes are what would become of the rows; nothing of it is kept.
    `profile` is the mapping profile that was named or that knew the header.
    """

    id: UUID
    kind: str
    noun: str
    state: State
    dry_run: bool
    origin: str
    done: int
    total: int | None
    counts: CountsView
    profile: str | None
    reading: dict[str, Any]
    failure: FailureView | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job, language: Language) -> "OperationView":
        """Return the view of a job."""
        problem, reading = job.problem, dict(job.reading)
        return cls(
            id=job.id,
            kind="import",
            noun=job.wanted.noun,
            state=job.state,
            dry_run=job.wanted.dry_run,
            origin=job.wanted.origin.value,
            done=job.done,
            total=job.total,
            counts=CountsView(**{o.value: n for o, n in job.counts.items()}),
            profile=reading.pop("profile", job.wanted.profile),
            reading=reading,
            failure=None
            if problem is None
            else FailureView(code=problem["code"], detail=problem[language]),
            created_by=job.asker.subject,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class RowProblemView(View):
    """One thing that is wrong with a row: in which column, for which field, and what to do."""

    column: str | None
    field: str | None
    code: str
    detail: str


class ImportRowView(View):
    """What became of a row; `row` is its number in the file, where the header is usually row 1."""

    row: int
    outcome: Outcome
    id: UUID | None
    version: int | None
    problems: list[RowProblemView]

    @classmethod
    def of(cls, result: RowResult, language: Language) -> "ImportRowView":
        """Return the view of a row's result."""
        return cls(
            row=result.number,
            outcome=result.outcome,
            id=result.subject,
            version=result.version,
            problems=[
                RowProblemView(
                    column=problem["column"],
                    field=problem["field"],
                    code=problem["code"] or "",
                    detail=problem[language] or "",
                )
                for problem in result.problems
            ],
        )


class UploadView(View):
    """How much of a file has come: `missing` chunks of those before the last that came."""

    id: UUID
    state: State
    received: int
    size: int
    missing: list[int]

    @classmethod
    def of(cls, job: Job, pieces: Sequence[tuple[int, int]]) -> "UploadView":
        """Return the view of an upload."""
        come = {number for number, _ in pieces}
        last = max(come, default=-1)
        return cls(
            id=job.id,
            state=job.state,
            received=len(pieces),
            size=sum(size for _, size in pieces),
            missing=[number for number in range(last) if number not in come][:100],
        )


def reasons(problems: Sequence[Mapping[str, str | None]], language: Language) -> str:
    """Return what is wrong with a row as one text: column and reason, one after the other."""
    joint = "；" if language == "zh" else "; "
    return joint.join(
        f"{problem['column']}: {problem[language]}"
        if problem["column"]
        else problem[language] or ""
        for problem in problems
    )
