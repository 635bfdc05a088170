"""Change-Reason: why somebody changes something, as a header of any request that does."""

import re
from typing import Annotated, Final
from urllib.parse import unquote_to_bytes

from fastapi import Header
from pydantic import TypeAdapter, ValidationError

from shared.errors import Invalid
from shared.text_fields import Reason

_ENCODED_LENGTH_MAX: Final = 9 * 500
"""Every character of Chinese is three bytes, each of them three characters once encoded."""
_ENCODED: Final = re.compile(r"(?:[\x20-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
_REASON: Final[TypeAdapter[str]] = TypeAdapter(Reason)

ChangeReason = Annotated[
    str | None,
    Header(
        alias="Change-Reason",
        min_length=1,
        max_length=_ENCODED_LENGTH_MAX,
        description=(
            "Why the change is made, kept in the audit trail: at most 500 characters of UTF-8,"
            " percent-encoded where they are no ASCII."
        ),
    ),
]


class ChangeReasonInvalid(Invalid):
    """A reason that cannot be read must not be kept as if it could."""

    en = (
        "Change-Reason must be one line of at most 500 characters, as percent-encoded UTF-8:"
        " %E6%9B%B4%E6%AD%A3."
    )
    zh = (
        "Change-Reason 须为不超过 500 个字符的一行文字，以 UTF-8 百分号编码，"
        "例如 %E6%9B%B4%E6%AD%A3。"
    )


def read_reason(encoded: str | None) -> str | None:
    """Return the reason of a header, None without one; raises ChangeReasonInvalid."""
    if encoded is None:
        return None
    if _ENCODED.fullmatch(encoded) is None:
        raise ChangeReasonInvalid
    try:
        return _REASON.validate_python(unquote_to_bytes(encoded).decode())
    except (UnicodeDecodeError, ValidationError):
        raise ChangeReasonInvalid from None
