"""What a row of the audit trail is, and the bytes and hashes that hold the trail together.

Everything here is pure. The form of the bytes is told in deploy/README.md and is read a second time
by `pharos audit verify`, in code of its own: a change of it is a new ``FORM``.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson
from pydantic import BaseModel

from shared.context import Asked, Context
from shared.contracts.contract import Contract
from shared.money import Money, figure
from shared.ratio import Ratio

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORM: Final = 1
"""The form of the bytes that a row's digest is made of."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a command did to one thing: how it was, how it is, and the events that tell of it.

    ``before`` is None for what was made, ``after`` for what was taken away. Both are values of the
    domain, contracts, or mappings of them; amounts in them become text.
    """

    noun: str
    action: str
    subject: str
    version: int | None
    before: object | None
    after: object | None
    events: tuple[Contract, ...] = ()

    @classmethod
    def told(
        cls,
        before: object | None,
        after: object | None,
        event: Contract,
        *more: Contract,
        noun: str | None = None,
    ) -> "Change":
        """Return a change that events tell of; the first one names the noun and what happened."""
        _, _, of_event, action, _ = event.TYPE.split(".")
        events = (event, *more)
        version = events[-1].version
        return cls(noun or of_event, action, str(event.subject), version, before, after, events)


@dataclass(frozen=True, slots=True)
class Record:
    """A change as it is kept: its canonical bytes and their SHA-256."""

    content: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the trail: its last block and its last row; both 0 at the start."""

    block: int
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """Rows ``first`` to ``last``, sealed; ``hash`` covers them and the block before."""

    number: int
    first: int
    last: int
    sealed_at: datetime
    previous: bytes
    hash: bytes

    @property
    def head(self) -> Head:
        """Return the end of a trail whose last block this is."""
        return Head(self.number, self.last, self.hash)


def record(ctx: Context, asked: Asked, change: Change) -> Record:
    """Return a change as a row of the trail that has no number yet."""
    trace = ctx.traceparent
    content = canonical(
        {
            "form": FORM,
            "at": instant(ctx.now),
            "actor": ctx.actor,
            "client": asked.client,
            "roles": sorted(asked.roles),
            "method": asked.method,
            "route": asked.route,
            "reason": asked.reason,
            "noun": change.noun,
            "action": change.action,
            "subject": change.subject,
            "version": change.version,
            "before": change.before,
            "after": change.after,
            "correlation_id": ctx.correlation_id,
            "trace_id": None if trace is None else trace.split("-")[1],
            "origin": ctx.origin.value,
        }
    )
    return Record(content, hashlib.sha256(content).digest())


def sealed(service: str, head: Head, digests: Iterable[bytes], at: datetime) -> Block:
    """Return the block that follows ``head`` and holds the rows with these digests, in order."""
    rows = list(digests)
    number, first, last = head.block + 1, head.number + 1, head.number + len(rows)
    header = {
        "form": FORM,
        "service": service,
        "block": number,
        "first": first,
        "last": last,
        "previous": head.hash.hex(),
        "sealed_at": instant(at),
    }
    found = hashlib.sha256(canonical(header) + b"\n" + b"".join(rows)).digest()
    return Block(number, first, last, at, head.hash, found)


def start_of(service: str) -> bytes:
    """Return what stands before the first block: trails of two services are never one another's."""
    return hashlib.sha256(f"pharos audit {service}".encode()).digest()


def instant(moment: datetime) -> str:
    """Return a moment as the trail writes it: in UTC, always with six decimals."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(value: object) -> bytes:
    """Return a value as JSON that has one form: keys in order, UTF-8, no space, amounts as text.

    Raises TypeError for what has no such form. A float would be taken, and would not be verified
    afterwards: tests/service/audit holds every change against the verifier.
    """
    return orjson.dumps(
        value, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    )


def _plain(value: object) -> object:
    """Return what JSON has no word for as something that it has one for."""
    match value:
        case Decimal():
            return figure(value, "")
        case Ratio():
            return figure(value.value, "")
        case Money():
            return {"amount": value.text, "currency": value.currency}
        case UUID():  # the ids that asyncpg reads
            return str(value)
        case BaseModel():
            return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _kept(type(value))}
    raise TypeError(f"the audit trail cannot keep a {type(value).__name__}")


@lru_cache(maxsize=256)
def _kept(kind: "type[DataclassInstance]") -> tuple[str, ...]:
    """Return the fields of a dataclass that the trail keeps: all that are not PERSONAL."""
    return tuple(found.name for found in fields(kind) if not found.metadata.get("personal", False))
