"""A filter as a tree: comparisons of fields with values, joined by ``and``, ``or`` and ``not``.

As JSON: ``{"field": "stage", "op": "eq", "value": "won"}``, ``{"and": [...]}``, ``{"or": [...]}``,
``{"not": {...}}``, which holds wherever its part does not. ``under`` takes
``{"id": ..., "on": "2025-03-31"}``; a list of values goes with ``in``, ``not_in`` and ``has_any``.
At most 20 nodes, 8 deep, 100 values in a list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import orjson

from shared.errors import Invalid
from shared.filters.fields import Field, Fields
from shared.filters.kinds import MANY, Kind, Op, Value, read, write

NODES_MAX: Final = 20
DEPTH_MAX: Final = 8
VALUES_MAX: Final = 100


class FilterNotReadable(Invalid):
    """A filter that is no tree of comparisons."""

    en = (
        'The filter is not valid at "{place}". Send {{"field", "op", "value"}}, {{"not": …}}, '
        'or {{"and": […]}} or {{"or": […]}} with at least one part.'
    )
    zh = (
        '筛选条件在 "{place}" 处无效。请发送 {{"field", "op", "value"}}、{{"not": …}}，'
        '或含至少一项的 {{"and": […]}}、{{"or": […]}}。'
    )


class FilterTooLarge(Invalid):
    """A filter with more comparisons, levels or values than are worked off."""

    en = (
        "The filter is too large: at most {nodes} nodes, {depth} levels, {values} values in a list."
    )
    zh = "筛选条件过大：最多 {nodes} 个节点、{depth} 层、列表中 {values} 个值。"


class FilterFieldUnknown(Invalid):
    """A filter names a field that is not there to be filtered by."""

    en = 'There is no field {field} to filter by, at "{place}". There are: {fields}.'
    zh = '"{place}" 处没有可筛选的字段 {field}。可用的有：{fields}。'


class FilterOpUnknown(Invalid):
    """A field is asked something that it cannot be asked."""

    en = 'The field {field} does not take {op}, at "{place}". It takes: {ops}.'
    zh = '"{place}" 处字段 {field} 不支持 {op}。支持：{ops}。'


class FilterValueInvalid(Invalid):
    """A comparison with a value of another kind than the field's."""

    en = 'The value at "{place}" does not fit the field {field}, which holds {kind}{choices}.'
    zh = '"{place}" 处的值不符合字段 {field} 的类型 {kind}{choices}。'


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a tree on a day: the id and all below it."""

    id: UUID
    on: date


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field held against a value; ``value`` is a tuple for the operators that take many."""

    field: str
    op: Op
    value: Value | tuple[Value, ...] | Place


@dataclass(frozen=True, slots=True)
class Group:
    """All of the parts hold (``and``), or one of them does (``or``)."""

    word: Literal["and", "or"]
    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold, be it that what it compares is missing."""

    part: "Tree"


Tree: TypeAlias = Comparison | Group | Negation


def parse(text: str | bytes, fields: Fields, pointer: str) -> Tree:
    """Return the tree of a filter written in JSON; ``pointer`` names where it was sent.

    Raises FilterNotReadable, FilterTooLarge, FilterFieldUnknown, FilterOpUnknown or
    FilterValueInvalid.
    """
    try:
        written: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FilterNotReadable(place="/", pointer=pointer) from error
    return build(written, fields, pointer)


def build(written: object, fields: Fields, pointer: str) -> Tree:
    """Return the tree of a filter that was sent as part of a document; raises as ``parse``.

    What is refused has the pointer of its own place, below ``pointer``.
    """
    builder = _Builder(fields, pointer)
    return builder.tree(written, "", 1)


def dump(tree: Tree) -> dict[str, Any]:
    """Return a tree as JSON has it; ``build`` gives it back."""
    match tree:
        case Group(word, parts):
            return {word: [dump(part) for part in parts]}
        case Negation(part):
            return {"not": dump(part)}
        case Comparison(field, op, value):
            return {"field": field, "op": op.value, "value": _dumped(value)}


def _dumped(value: Value | tuple[Value, ...] | Place) -> object:
    match value:
        case tuple():
            return [write(one) for one in value]
        case Place(place_id, on):
            return {"id": write(place_id), "on": write(on)}
        case _:
            return write(value)


class _Builder:
    """Reads one filter, and counts what it reads."""

    def __init__(self, fields: Fields, pointer: str) -> None:
        self._fields = fields
        self._pointer = pointer
        self._nodes = 0

    def tree(self, written: object, place: str, depth: int) -> Tree:
        self._nodes += 1
        if self._nodes > NODES_MAX or depth > DEPTH_MAX:
            raise self._too_large()
        if not isinstance(written, Mapping):
            raise self._unreadable(place)
        for word in ("and", "or"):
            if written.keys() == {word}:
                parts = self._parts(written[word], f"{place}/{word}", depth)
                return Group("and" if word == "and" else "or", parts)
        if written.keys() == {"not"}:
            return Negation(self.tree(written["not"], f"{place}/not", depth + 1))
        if written.keys() != {"field", "op", "value"}:
            raise self._unreadable(place)
        return self._comparison(written, place)

    def _parts(self, written: object, place: str, depth: int) -> tuple[Tree, ...]:
        if not isinstance(written, Sequence) or isinstance(written, str) or not written:
            raise self._unreadable(place)
        return tuple(
            self.tree(part, f"{place}/{position}", depth + 1)
            for position, part in enumerate(written)
        )

    def _comparison(self, written: Mapping[str, object], place: str) -> Comparison:
        name, word, value = written["field"], written["op"], written["value"]
        if not isinstance(name, str) or not isinstance(word, str):
            raise self._unreadable(place)
        field = self._fields.get(name)
        if field is None:
            raise FilterFieldUnknown(
                field=name, place=place or "/", fields=sorted(self._fields), pointer=self._at(place)
            )
        ops = sorted(op.value for op in field.ops)
        if word not in ops:
            raise FilterOpUnknown(
                field=name, op=word, place=place or "/", ops=ops, pointer=self._at(place)
            )
        op = Op(word)
        return Comparison(name, op, self._value(name, field, op, value, f"{place}/value"))

    def _value(
        self, name: str, field: Field, op: Op, written: object, place: str
    ) -> Value | tuple[Value, ...] | Place:
        if op in MANY:
            if not isinstance(written, list) or not written:
                raise self._misfit(name, field, place)
            if len(written) > VALUES_MAX:
                raise self._too_large()
            return tuple(self._single(name, field, one, place) for one in written)
        if op is Op.UNDER:
            return self._under(name, field, written, place)
        if op is Op.IS_NULL:
            if not isinstance(written, bool):
                raise self._misfit(name, field, place)
            return written
        return self._single(name, field, written, place)

    def _under(self, name: str, field: Field, written: object, place: str) -> Place:
        if not isinstance(written, Mapping) or written.keys() != {"id", "on"}:
            raise self._misfit(name, field, place)
        try:
            found, on = read(Kind.ID, written["id"]), read(Kind.DATE, written["on"])
        except ValueError as error:
            raise self._misfit(name, field, place) from error
        if not isinstance(found, UUID) or not isinstance(on, date):
            raise self._misfit(name, field, place)
        return Place(found, on)

    def _single(self, name: str, field: Field, written: object, place: str) -> Value:
        try:
            value = read(field.kind, written)
        except ValueError as error:
            raise self._misfit(name, field, place) from error
        if field.choices and value not in field.choices:
            raise self._misfit(name, field, place)
        return value

    def _misfit(self, name: str, field: Field, place: str) -> FilterValueInvalid:
        choices = f" ({', '.join(field.choices)})" if field.choices else ""
        return FilterValueInvalid(
            field=name, place=place, kind=field.kind, choices=choices, pointer=self._at(place)
        )

    def _unreadable(self, place: str) -> FilterNotReadable:
        return FilterNotReadable(place=place or "/", pointer=self._at(place))

    def _at(self, place: str) -> str:
        """Return the pointer of a place: a parameter is named as a whole."""
        return self._pointer if self._pointer.startswith("?") else self._pointer + place

    def _too_large(self) -> FilterTooLarge:
        return FilterTooLarge(
            nodes=NODES_MAX, depth=DEPTH_MAX, values=VALUES_MAX, pointer=self._pointer
        )
