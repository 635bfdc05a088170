"""Deprecation: a route that will go says so in every answer (RFC 9745, RFC 8594) and in the API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any, Final

from fastapi.routing import APIRoute

KEY: Final = "x-deprecation"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Since when a route is deprecated, when it goes, and what says what to use instead."""

    since: date
    sunset: date | None
    link: str | None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers of every answer of the route."""
        found = [(b"deprecation", f"@{int(_midnight(self.since).timestamp())}".encode())]
        if self.sunset is not None:
            found.append((b"sunset", format_datetime(_midnight(self.sunset), usegmt=True).encode()))
        if self.link is not None:
            found.append((b"link", f'<{self.link}>; rel="deprecation"'.encode()))
        return found


def deprecated(
    *, since: date, sunset: date | None = None, link: str | None = None
) -> dict[str, Any]:
    """Return what a deprecated route adds to ``needs("…")`` in its ``openapi_extra``.

    ``link`` leads to what says what to use instead. ValueError when it goes before it is
    deprecated, or the link cannot stand in a header.
    """
    if sunset is not None and sunset < since:
        raise ValueError(f"it cannot go on {sunset}, before it is deprecated")
    if link is not None and not re.fullmatch(r"[!-;=?-~]+", link):
        raise ValueError(f"{link!r} cannot stand in a header")
    said = {
        "since": since.isoformat(),
        "sunset": None if sunset is None else sunset.isoformat(),
        "link": link,
    }
    return {"deprecated": True, KEY: said}


def deprecation_of(route: object) -> Deprecation | None:
    """Return what a route says of its end, None when it says nothing."""
    said: Mapping[str, str | None] | None = None
    if isinstance(route, APIRoute):
        said = (route.openapi_extra or {}).get(KEY)
    if said is None:
        return None
    since, sunset = str(said["since"]), said["sunset"]
    return Deprecation(
        date.fromisoformat(since),
        None if sunset is None else date.fromisoformat(sunset),
        said["link"],
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
