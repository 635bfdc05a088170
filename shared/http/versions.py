"""Versions over HTTP (RFC 9110, section 13): ETag, If-Match, If-None-Match.

A resource has a version, a whole number; its strong entity tag is that number in quotes. What is
worked out of several has none; its tag is a hash of what it says.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from shared.errors import Invalid, PreconditionRequired

_TAG: Final = re.compile(r'"([0-9]{1,18})"')
_SHOWN: Final = '(?:"[0-9]{1,18}"|W/"[0-9a-f]{16}")'
TAGS_SHOWN: Final = rf"^(?:\*|{_SHOWN}(?:, ?{_SHOWN})*)$"
"""What the description of the API says that a client sends: tags as they are given out."""


class _Any(frozenset[int]):
    """Every version of what is there: all but 0."""

    def __contains__(self, version: object) -> bool:
        return version != 0


class VersionRequired(PreconditionRequired):
    """A change that must say which version it was made from."""

    en = "Send If-Match with the ETag of what you read, so that nobody's change is overwritten."
    zh = "请携带 If-Match（读取时得到的 ETag），以免覆盖他人的更改。"


class VersionsUnreadable(Invalid):
    """An If-Match that is none."""

    en = 'If-Match must be *, or entity tags as they were given out, such as "7".'
    zh = 'If-Match 应为 *，或所返回的 ETag，例如 "7"。'


def etag_of(version: object) -> dict[str, str]:
    """Return the header that tells a version; none where there is no version."""
    return {"ETag": f'"{version}"'} if isinstance(version, int) else {}


def expected(if_match: str | None, if_none_match: str | None) -> frozenset[int] | None:
    """Return the versions from which the caller would change something, None where any will do.

    ``If-Match: *`` is whatever is there, ``If-None-Match: *`` is nothing there yet: version 0. A
    weak tag never matches (strong comparison). Raises VersionsUnreadable.
    """
    if if_match is None:
        return frozenset({0}) if (if_none_match or "").strip() == "*" else None
    if if_match.strip() == "*":
        return _Any()
    versions = []
    for part in if_match.split(","):
        tag = part.strip()
        if tag.startswith("W/"):
            continue
        match = _TAG.fullmatch(tag)
        if match is None:
            raise VersionsUnreadable
        versions.append(int(match[1]))
    return frozenset(versions)


def digest_of(body: bytes) -> dict[str, str]:
    """Return the header that tells what an answer says, where it has no version: a weak tag."""
    return {"ETag": f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'}


def is_known(if_none_match: str | None, headers: Mapping[str, str]) -> bool:
    """Tell whether the caller has an answer with this ETag already (weak comparison)."""
    if if_none_match is None:
        return False
    tags = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in tags or headers["ETag"].removeprefix("W/") in tags
