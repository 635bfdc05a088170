"""What a noun says so that it can be imported: its columns, its row, and the command for many."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Connection
from shared.errors import PharosError
from shared.fields import Body
from shared.jobs.model import Outcome
from shared.tables.conversions import Kind

BATCH: Final = 1_000
"""Rows in one transaction at the most."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the row: its kind, and the headings under which it is found without a profile."""

    field: str
    kind: Kind = "text"
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """A row was taken: what it made or found."""

    id: UUID
    version: int
    outcome: Outcome

    @classmethod
    def of(cls, id_: UUID, version: int, before: int | None) -> "Applied":
        """Return the outcome of a thing at a version whose version before is known, if any."""
        if before is None:
            return cls(id_, version, Outcome.CREATED)
        return cls(id_, version, Outcome.UNCHANGED if before == version else Outcome.UPDATED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row was not taken. What ``waits`` may be taken later: it names what is not known yet.

    ``names`` is the key of what it names where that is of the same noun, so that a dry run finds
    it among the rows that it has taken back.
    """

    error: PharosError
    waits: bool = False
    names: str | None = None


Result: TypeAlias = Applied | Refusal
ApplyMany: TypeAlias = Callable[
    [Connection, Context, Principal, Sequence[Any]], Awaitable[Sequence[Result]]
]


@dataclass(frozen=True, slots=True)
class Copy:
    """The reader of another service's events whose copy the rows are looked up in."""

    consumer: str
    source: str


@dataclass(frozen=True, slots=True)
class Importer:
    """A noun that can be imported.

    ``row`` is made of the converted cells and refuses what the API would refuse. ``apply_many``
    takes at most BATCH of them, no two with the same ``key``, and answers for each in their order;
    it writes those that it takes and raises for none. Rows that name what comes from another
    service wait until the ``copy`` has what that service had told when the file was gone through.
    """

    noun: str
    permission: str
    row: type[Body]
    columns: tuple[Column, ...]
    key: Callable[[Any], str]
    apply_many: ApplyMany
    copy: Copy | None = None
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def required(self) -> set[str]:
        """Return the fields that every row must have."""
        return {name for name, one in self.row.model_fields.items() if one.is_required()}

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Return the kind of every field."""
        return {column.field: column.kind for column in self.columns}
