"""What a caller would rather read: a page for people or JSON for programs (RFC 9110, 12.5.1)."""

import re
from typing import Final

ACCEPT_LENGTH_MAX: Final = 1_000
_QUALITY: Final = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*")


def prefers_html(accept: str) -> bool:
    """Tell whether HTML is named and liked at least as well as JSON; programs do not name it."""
    liked = {"text/html": 0.0, "application/json": 0.0}
    for wish in accept[:ACCEPT_LENGTH_MAX].split(","):
        kind, *parameters = wish.split(";")
        found = [match for match in map(_QUALITY.fullmatch, parameters) if match]
        quality = float(found[0][1]) if found else 1.0
        name = kind.strip().lower()
        if name in liked:
            liked[name] = max(liked[name], quality)
    return 0.0 < liked["text/html"] >= liked["application/json"]
