"""A filter as a function of one row, where there is no database to ask."""

import operator
from collections.abc import Callable, Mapping
from datetime import date
from string import ascii_lowercase, ascii_uppercase
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from uuid import UUID

from shared.filters.kinds import Op
from shared.filters.tree import Comparison, Group, Negation, Place, Tree

Predicate: TypeAlias = Callable[[Mapping[str, object]], bool]
"""Tells whether a row, given as its fields by name, is one of those that a filter asks for."""
Under: TypeAlias = Callable[[str, object, UUID, date], bool]
"""Tells whether a field's value lies under an id in its tree on a day, or is it."""

_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_COMPARE: Final[Mapping[Op, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        Op.EQ: operator.eq,
        Op.NE: operator.ne,
        Op.LT: operator.lt,
        Op.LTE: operator.le,
        Op.GT: operator.gt,
        Op.GTE: operator.ge,
        Op.IN: lambda held, asked: held in asked,
        Op.NOT_IN: lambda held, asked: held not in asked,
        Op.HAS: lambda held, asked: asked in held,
        Op.HAS_ANY: lambda held, asked: not set(asked).isdisjoint(held),
        Op.CONTAINS: lambda held, asked: fold(asked) in fold(held),
        Op.STARTS_WITH: lambda held, asked: fold(held).startswith(fold(asked)),
    }
)


def fold(text: str) -> str:
    """Return text as ``contains`` and ``starts_with`` see it: A to Z as a to z, all else as it is.

    Full width stays apart from half width, and accents from plain letters: what Unicode folds
    depends on its version, and the database has another one than Python.

    Text is ordered by code points, which is collation C of the database.
    """
    return text.translate(_LOWER)


def to_predicate(tree: Tree, under: Under | None = None) -> Predicate:
    """Return the predicate of a tree; ``under`` answers for trees, where fields lie in some.

    A missing value (None) makes every comparison false, ``ne`` too; only ``is_null`` asks for it.
    So ``not`` of a comparison holds for it.
    """
    match tree:
        case Group(word, parts):
            predicates = [to_predicate(part, under) for part in parts]
            join = all if word == "and" else any
            return lambda row: join(predicate(row) for predicate in predicates)
        case Negation(part):
            holds = to_predicate(part, under)
            return lambda row: not holds(row)
        case Comparison():
            return _comparison(tree, under)


def _comparison(asked: Comparison, under: Under | None) -> Predicate:
    name, value = asked.field, asked.value
    if asked.op is Op.IS_NULL:
        return lambda row: (row.get(name) is None) == value
    if isinstance(value, Place):
        place = value
        if under is None:
            raise TypeError(f"nobody says what lies under what in the tree of {name}")
        lies = under
        return lambda row: row.get(name) is not None and lies(name, row[name], place.id, place.on)
    compare = _COMPARE[asked.op]
    return lambda row: row.get(name) is not None and compare(row[name], value)
