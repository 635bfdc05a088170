"""The bytes and hashes of the trail, worked out anew: not a line is shared with those who write it.

What a row's digest leaves out could be changed by anybody, and code that is shared would leave it
out here too. A test holds both against each other for any content.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

Row: TypeAlias = Mapping[str, Any]

FORM: Final = 1
"""The only form of bytes that there is so far."""
_AS_THEY_ARE: Final = (
    "form",
    "actor",
    "client",
    "method",
    "route",
    "reason",
    "noun",
    "action",
    "subject",
    "version",
    "trace_id",
    "origin",
)


class Unreadable(Exception):
    """What stands in a row is no JSON that could have been written there."""


def row_digest(row: Row) -> bytes:
    """Return the digest that belongs to what a row says; raises Unreadable."""
    content = {
        **{name: row[name] for name in _AS_THEY_ARE},
        "at": instant(row["at"]),
        "roles": list(row["roles"]),
        "before": _state(row["before"]),
        "after": _state(row["after"]),
        "correlation_id": str(row["correlation_id"]),
    }
    return hashlib.sha256(_bytes(content)).digest()


def pending_digest(content: str) -> bytes:
    """Return the digest that belongs to a row that is not sealed; raises Unreadable."""
    return hashlib.sha256(_bytes(_state(content))).digest()


def block_header(service: str, block: Row) -> bytes:
    """Return what a block's hash begins with; the digests of its rows follow, in their order."""
    header = {
        "form": FORM,
        "service": service,
        "block": block["number"],
        "first": block["first"],
        "last": block["last"],
        "previous": block["previous"].hex(),
        "sealed_at": instant(block["sealed_at"]),
    }
    return _bytes(header) + b"\n"


def start_of(service: str) -> bytes:
    """Return what the first block of a service names as the one before it."""
    return hashlib.sha256(b"pharos audit " + service.encode()).digest()


def instant(moment: datetime) -> str:
    """Return a moment in UTC with six decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def _state(text: str | None) -> object:
    """Return JSON as a value; numbers with a fraction become text, since none is ever written."""
    if text is None:
        return None
    try:
        return json.loads(text, parse_float=str, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("a key stands twice")
    return found


def _bytes(value: object) -> bytes:
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise Unreadable(str(error)) from None
