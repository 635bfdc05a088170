"""Pages: bounded lists with an opaque cursor that says where the next one begins."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from shared.lists.asked import CursorInvalid

T = TypeVar("T")

LIMIT_MAX = 200
CURSOR_LENGTH_MAX = 4_096

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items at the most.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=CURSOR_LENGTH_MAX,
        pattern="^[0-9A-Za-z_=-]*$",
        description="`next` of the page before; opaque.",
    ),
]


def _missing(value: object) -> bool:
    return value is None


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` is the cursor of the following part, null on the last.

    With `count` there is a `total`, or above 10,000 `total_at_least`.
    """

    model_config = ConfigDict(frozen=True)
    items: list[T]
    next: str | None
    total: Annotated[int | None, Field(exclude_if=_missing)] = None
    total_at_least: Annotated[int | None, Field(exclude_if=_missing)] = None


def encode(*place: object) -> str:
    """Return the cursor for a place in a list's order."""
    return base64.urlsafe_b64encode(orjson.dumps([str(part) for part in place])).decode()


def decode(cursor: str | None, parts: int) -> list[str] | None:
    """Return the place of a cursor, None for the start; raises CursorInvalid."""
    if cursor is None:
        return None
    try:
        place: Any = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, binascii.Error) as error:
        raise CursorInvalid(pointer="?cursor") from error
    if not isinstance(place, list) or len(place) != parts:
        raise CursorInvalid(pointer="?cursor")
    return [str(part) for part in place]
