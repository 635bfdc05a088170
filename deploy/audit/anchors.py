"""Anchors: the ends of trails as they once were, kept where the database's masters cannot reach."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


class AnchorUnreadable(Exception):
    """A line that is no anchor; the text says which."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last block of a service at a moment; ``hash`` and ``at`` are text. A line of a file."""

    service: str
    block: int
    last: int
    hash: str
    at: str


def written(anchor: Anchor) -> str:
    """Return an anchor as its line."""
    return json.dumps(asdict(anchor), ensure_ascii=False)


def read(text: str) -> Sequence[Anchor]:
    """Return the anchors of a file, one a line; raises AnchorUnreadable."""
    lines = ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    return [_anchor(number, line) for number, line in lines]


def of_service(anchors: Iterable[Anchor], service: str) -> dict[int, set[str]]:
    """Return by block which hashes a service must have there."""
    found: dict[int, set[str]] = {}
    for anchor in anchors:
        if anchor.service == service:
            found.setdefault(anchor.block, set()).add(anchor.hash)
    return found


def _anchor(number: int, line: str) -> Anchor:
    try:
        found = Anchor(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise AnchorUnreadable(f"Line {number} is no anchor: {error}") from None
    kinds = {"service": str, "block": int, "last": int, "hash": str, "at": str}
    if not all(type(getattr(found, name)) is kind for name, kind in kinds.items()):
        raise AnchorUnreadable(f"Line {number} is no anchor: {line}")
    return found
