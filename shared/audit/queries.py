"""Reading the audit trail: rows in the order of their numbers, and the blocks that hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from shared.audit.model import Block
from shared.db import Row as Record
from shared.filters.condition import to_condition
from shared.filters.fields import Field
from shared.filters.kinds import Kind, Op
from shared.filters.tree import Comparison, Tree
from shared.lists.listing import Listing
from shared.sql import Condition, all_of

_ROWS: Final[LiteralString] = """
    SELECT r.number, r.digest, r.form, r.at, r.actor, r.client, r.roles, r.method, r.route,
           r.reason, r.noun, r.action, r.subject, r.version, r.before, r.after, r.correlation_id,
           r.trace_id, r.origin
      FROM audit_row AS r
"""
_BLOCKS: Final[LiteralString] = """
    SELECT b.number, b.first, b.last, b.sealed_at, b.previous, b.hash
      FROM audit_block AS b
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A sealed row; ``before`` and ``after`` are JSON."""

    number: int
    digest: bytes
    form: int
    at: datetime
    actor: str
    client: str
    roles: Sequence[str]
    method: str
    route: str
    reason: str | None
    noun: str
    action: str
    subject: str
    version: int | None
    before: str | None
    after: str | None
    correlation_id: UUID
    trace_id: str | None
    origin: str


def _row(row: Record) -> Row:
    return Row(**dict(row))


def _block(row: Record) -> Block:
    return Block(**dict(row))


CHANGES: Final = Listing(
    select=_ROWS,
    of=_row,
    key="number",
    fields={
        "number": Field(Kind.INTEGER, "r.number", sorts=True),
        "at": Field(Kind.INSTANT, "r.at"),
        "actor": Field(Kind.TEXT, "r.actor"),
        "client": Field(Kind.TEXT, "r.client"),
        "noun": Field(Kind.TEXT, "r.noun"),
        "action": Field(Kind.TEXT, "r.action"),
        "subject": Field(Kind.TEXT, "r.subject"),
        "version": Field(Kind.INTEGER, "r.version", nullable=True),
        "reason": Field(Kind.TEXT, "r.reason", nullable=True),
        "method": Field(Kind.TEXT, "r.method"),
        "route": Field(Kind.TEXT, "r.route"),
        "correlation_id": Field(Kind.ID, "r.correlation_id"),
        "trace_id": Field(Kind.TEXT, "r.trace_id", nullable=True),
        "origin": Field(Kind.TEXT, "r.origin"),
    },
)
BLOCKS: Final = Listing(
    select=_BLOCKS,
    of=_block,
    key="number",
    fields={
        "number": Field(Kind.INTEGER, "b.number", sorts=True),
        "first": Field(Kind.INTEGER, "b.first"),
        "last": Field(Kind.INTEGER, "b.last"),
        "sealed_at": Field(Kind.INSTANT, "b.sealed_at"),
    },
)


def between(since: datetime | None, until: datetime | None) -> Condition:
    """Return the condition of changes from a moment on and before another, where one is given."""
    bounds: list[Tree] = []
    if since is not None:
        bounds.append(Comparison("at", Op.GTE, since))
    if until is not None:
        bounds.append(Comparison("at", Op.LT, until))
    return all_of(to_condition(bound, CHANGES.fields) for bound in bounds)
