"""What a caller asks of a list: which rows, in which order, how many, and what of each."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from shared.errors import Invalid
from shared.filters.fields import Fields
from shared.filters.kinds import Kind, Op, Value, read_back, write
from shared.filters.tree import Comparison, Group, Tree, dump, parse

SORTS_MAX: Final = 3
LIMIT: Final = 50
COUNT_MAX: Final = 10_000


class CursorInvalid(Invalid):
    """A cursor that was not given out by this list."""

    en = "The cursor is not one of this list, filter and order. Start again without a cursor."
    zh = "游标不属于此列表或此筛选与排序，请去掉游标重新开始。"


class SortFieldUnknown(Invalid):
    """A list is to be ordered by something that it cannot be ordered by."""

    en = "This list cannot be ordered by {field}, only by up to {most} of: {fields}."
    zh = "此列表不能按 {field} 排序，最多可按以下字段中的 {most} 个排序：{fields}。"


class FieldUnknown(Invalid):
    """A field is asked for that the items do not have."""

    en = "The items have no field {field}. They have: {fields}."
    zh = "列表项没有字段 {field}。可用的有：{fields}。"


@dataclass(frozen=True, slots=True)
class Order:
    """A field by which a list is ordered."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a list. ``place`` is behind which row it goes on: sort values, then key.

    ``shown`` are the fields of an item that are wanted, None for all.
    """

    filter: Tree | None = None
    order: tuple[Order, ...] = ()
    limit: int = LIMIT
    place: tuple[Value | None, ...] | None = None
    shown: frozenset[str] | None = None
    count: bool = False

    def narrowed(self, **exact: Value | None) -> "Asked":
        """Return the same with comparisons added for those values that are given."""
        more = [
            Comparison(name, Op.EQ, value) for name, value in exact.items() if value is not None
        ]
        parts: tuple[Tree, ...] = (*more, *(() if self.filter is None else (self.filter,)))
        if not more:
            return self
        return replace(self, filter=parts[0] if len(parts) == 1 else Group("and", parts))


def orders(text: str | None, fields: Fields) -> tuple[Order, ...]:
    """Return the order that ``-closed_on,name`` asks for; raises SortFieldUnknown."""
    asked = [] if text is None else [part.strip() for part in text.split(",")]
    found = [Order(part.removeprefix("-"), part.startswith("-")) for part in asked]
    sortable = sorted(name for name, field in fields.items() if field.sorts)
    for order, sent in zip(found, asked, strict=True):
        known = order.field in sortable
        if len(found) > SORTS_MAX or not known or _goes_up_only(order, fields):
            raise SortFieldUnknown(field=sent, most=SORTS_MAX, fields=sortable, pointer="?sort")
    return tuple(found)


def _goes_up_only(order: Order, fields: Fields) -> bool:
    return order.descending and fields[order.field].upwards_only


def shown(text: str | None, names: Sequence[str]) -> frozenset[str] | None:
    """Return the fields that ``id,name`` asks for, the id always; raises FieldUnknown."""
    if text is None:
        return None
    wanted = frozenset(part.strip() for part in text.split(","))
    for name in sorted(wanted - set(names)):
        raise FieldUnknown(field=name, fields=list(names), pointer="?fields")
    return wanted | ({"id"} & set(names))


def filtered(text: str | None, fields: Fields) -> Tree | None:
    """Return the tree of the parameter ``filter``; raises what ``parse`` raises."""
    return None if text is None else parse(text, fields, "?filter")


def cursor(asked: Asked, place: Sequence[Value | None]) -> str:
    """Return the cursor of a place in a list, good for this filter and order only."""
    written = [None if value is None else write(value) for value in place]
    return base64.urlsafe_b64encode(orjson.dumps([_mark(asked), *written])).decode().rstrip("=")


def at(asked: Asked, text: str | None, kinds: Sequence[Kind]) -> Asked:
    """Return what is asked, going on behind a cursor; raises CursorInvalid.

    ``kinds`` are those of the order's fields and the key.
    """
    if text is None:
        return asked
    try:
        written: Any = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        mark, *values = written
        if mark != _mark(asked) or len(values) != len(kinds):
            raise CursorInvalid(pointer="?cursor")
        place = tuple(
            None if value is None else read_back(kind, value)
            for kind, value in zip(kinds, values, strict=True)
        )
    except (ValueError, TypeError, binascii.Error) as error:
        raise CursorInvalid(pointer="?cursor") from error
    if place[-1] is None:
        raise CursorInvalid(pointer="?cursor")
    return replace(asked, place=place)


def _mark(asked: Asked) -> str:
    """Return a short hash of filter and order, so that a cursor is not used with others."""
    filtering: Mapping[str, object] = {} if asked.filter is None else dump(asked.filter)
    order = [[order.field, order.descending] for order in asked.order]
    return hashlib.sha256(orjson.dumps([filtering, order])).hexdigest()[:12]
