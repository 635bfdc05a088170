"""Kinds of values: how each is written in JSON, compared, and sent to the database."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, LiteralString, TypeAlias
from uuid import UUID

from pydantic import Field, StrictBool, TypeAdapter

from shared.fields import BusinessDate, DecimalText, Id, Instant, Name
from shared.ratio import plain

Value: TypeAlias = str | int | bool | Decimal | date | datetime | UUID


class Kind(StrEnum):
    """What a field holds. ``IDS`` is a list of ids, the others are single values."""

    TEXT = "text"
    CHOICE = "choice"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE = "date"
    INSTANT = "instant"
    ID = "id"
    BOOLEAN = "boolean"
    IDS = "ids"


class Op(StrEnum):
    """What a field is asked. Only ``is_null`` holds for a value that is missing."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    HAS = "has"
    HAS_ANY = "has_any"
    UNDER = "under"
    IS_NULL = "is_null"


_EQUAL: Final = frozenset({Op.EQ, Op.NE, Op.IN, Op.NOT_IN})
_ORDERED: Final = _EQUAL | {Op.LT, Op.LTE, Op.GT, Op.GTE}
OPS: Final[Mapping[Kind, frozenset[Op]]] = MappingProxyType(
    {
        Kind.TEXT: _ORDERED | {Op.CONTAINS, Op.STARTS_WITH},
        Kind.CHOICE: _EQUAL,
        Kind.DECIMAL: _ORDERED,
        Kind.INTEGER: _ORDERED,
        Kind.DATE: _ORDERED,
        Kind.INSTANT: _ORDERED,
        Kind.ID: _EQUAL,
        Kind.BOOLEAN: frozenset({Op.EQ, Op.NE}),
        Kind.IDS: frozenset({Op.HAS, Op.HAS_ANY}),
    }
)
"""What may be asked of each kind, beside ``is_null`` where a field may be missing."""

MANY: Final = frozenset({Op.IN, Op.NOT_IN, Op.HAS_ANY})
"""Operators that take a list of values."""

SQL_TYPES: Final[Mapping[Kind, LiteralString]] = MappingProxyType(
    {
        Kind.TEXT: "text",
        Kind.CHOICE: "text",
        Kind.DECIMAL: "numeric",
        Kind.INTEGER: "bigint",
        Kind.DATE: "date",
        Kind.INSTANT: "timestamptz",
        Kind.ID: "uuid",
        Kind.BOOLEAN: "boolean",
        Kind.IDS: "uuid",
    }
)

_INTEGER = Annotated[int, Field(strict=True, ge=-(2**62), le=2**62)]
_READERS: Final[Mapping[Kind, TypeAdapter[Any]]] = MappingProxyType(
    {
        Kind.TEXT: TypeAdapter(Name),
        Kind.CHOICE: TypeAdapter(Name),
        Kind.DECIMAL: TypeAdapter(DecimalText),
        Kind.INTEGER: TypeAdapter(_INTEGER),
        Kind.DATE: TypeAdapter(BusinessDate),
        Kind.INSTANT: TypeAdapter(Instant),
        Kind.ID: TypeAdapter(Id),
        Kind.BOOLEAN: TypeAdapter(StrictBool),
        Kind.IDS: TypeAdapter(Id),
    }
)


def read(kind: Kind, written: object) -> Value:
    """Return the value that JSON wrote; raises ValueError (pydantic's) for any other."""
    value: Value = _READERS[kind].validate_python(written)
    return value


def read_back(kind: Kind, written: object) -> Value:
    """Return a value of a row that ``write`` wrote; raises ValueError for what no row can hold.

    A row's text may be longer than what is asked for, and spaced otherwise.
    """
    if kind is not Kind.TEXT:
        return read(kind, written)
    if not isinstance(written, str) or "\0" in written:
        raise ValueError("no text of a row")
    return written


def write(value: Value) -> str | int | bool:
    """Return a value as JSON has it; ``read`` gives it back."""
    match value:
        case bool() | int() | str():
            return value
        case Decimal():
            return plain(value)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
