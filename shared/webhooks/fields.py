"""What the condition of a webhook can ask of an event: its envelope and the fields of its payload.

Names are those of the payload's JSON, with a full stop before a field inside a field:
``amount.amount``, ``shares.member_id``. Which fields there are and of which kind is read from the
contracts, so an event type brings its own. Types that are asked for together are taken together: a
field must be in one of them, and in events of the others it is missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin
from uuid import UUID

import orjson
from pydantic import BaseModel

from shared.context import Origin
from shared.contracts.contract import Contract, MoneyValue, contract_of
from shared.events.envelope import Event
from shared.filters.fields import Field, Fields
from shared.filters.kinds import Kind

Row: TypeAlias = Mapping[str, object]

ENVELOPE: Final[Fields] = MappingProxyType(
    {
        "type": Field(Kind.TEXT, ""),
        "subject": Field(Kind.ID, ""),
        "origin": Field(Kind.CHOICE, "", choices=tuple(Origin)),
        "time": Field(Kind.INSTANT, ""),
    }
)
"""What every event has, whatever it tells of."""

# A truth value is an integer to Python and a moment is a date, so the narrower comes first.
_KINDS: Final = (
    (bool, Kind.BOOLEAN),
    (int, Kind.INTEGER),
    (Decimal, Kind.DECIMAL),
    (datetime, Kind.INSTANT),
    (date, Kind.DATE),
    (UUID, Kind.ID),
    (str, Kind.TEXT),
)
# A payload is what the service itself has written, so each of these succeeds.
_READERS: Final[Mapping[Kind, Callable[[Any], object]]] = MappingProxyType(
    {
        Kind.DECIMAL: Decimal,
        Kind.INSTANT: datetime.fromisoformat,
        Kind.DATE: date.fromisoformat,
        Kind.ID: UUID,
        Kind.IDS: lambda written: frozenset(map(UUID, written)),
    }
)


def fields_of(contracts: Iterable[type[Contract]]) -> Fields:
    """Return what can be asked of events of these types, by name.

    What not all of them have can be asked for by ``is_null`` too. A name has one kind in all
    contracts of a service.
    """
    own = [_payload(contract) for contract in contracts]
    names = {name: field for fields in own for name, field in fields.items()}
    fields = {
        name: Field(
            field.kind,
            "",
            nullable=any(name not in fields or fields[name].nullable for fields in own),
            choices=field.choices,
        )
        for name, field in names.items()
    }
    return {**ENVELOPE, **fields}


def row_of(event: Event) -> Row:
    """Return an event as a row for the predicate of a condition; what is missing is None.

    Of a type or a version that this release does not know, only the envelope can be asked for.
    """
    envelope = {
        "type": event.type,
        "subject": event.subject,
        "origin": event.origin.value,
        "time": event.time,
    }
    return {**envelope, **_values(event.type, event.data)}


@lru_cache(maxsize=16)  # many webhooks look at one event
def _values(kind: str, data: str | None) -> Row:
    contract = contract_of(kind)
    if contract is None or data is None:
        return {}
    payload = orjson.loads(data)
    found = {}
    for name, field in _payload(contract).items():
        written = _reach(payload, name.split("."))
        read = _READERS.get(field.kind)
        found[name] = written if written is None or read is None else read(written)
    return found


def _reach(written: object, path: Sequence[str]) -> object:
    """Return what stands at a path; of the members of a list, what each has there."""
    if path and isinstance(written, list):
        return [_reach(one, path) for one in written]
    if path and isinstance(written, Mapping):
        return _reach(written.get(path[0]), path[1:])
    return written


@lru_cache(maxsize=256)
def _payload(contract: type[Contract]) -> Fields:
    return dict(_inside(contract))


def _inside(
    model: type[BaseModel], before: str = "", *, missing: bool = False
) -> Iterator[tuple[str, Field]]:
    for name, info in model.model_fields.items():
        is_code = issubclass(model, MoneyValue) and name == "currency"
        yield from _found(before + name, info.annotation, missing=missing, is_code=is_code)


def _found(
    name: str, annotation: object, *, missing: bool, is_code: bool = False
) -> Iterator[tuple[str, Field]]:
    """Yield the fields of an annotation: itself, or what is inside."""
    kind, nullable = _plain(annotation)
    missing = missing or nullable
    if get_origin(kind) is tuple:
        yield from _ids(name, get_args(kind)[0], missing=missing)
    elif not isinstance(kind, type):
        raise TypeError(f"nobody says how {name} is filtered by, which is {kind}")
    elif issubclass(kind, BaseModel):
        yield from _inside(kind, f"{name}.", missing=missing)
    elif issubclass(kind, Enum):
        choices = tuple(str(one.value) for one in kind)
        yield name, Field(Kind.CHOICE, "", nullable=missing, choices=choices)
    else:
        found = next(known for base, known in _KINDS if issubclass(kind, base))
        yield name, Field(Kind.CHOICE if is_code else found, "", nullable=missing)


def _ids(name: str, member: object, *, missing: bool) -> Iterator[tuple[str, Field]]:
    """Yield what can be asked of a list: the ids in it, or those in its members."""
    kind, _ = _plain(member)
    inside = _found(name, kind, missing=missing)
    yield from (
        (inner, Field(Kind.IDS, "", nullable=missing))
        for inner, field in inside
        if field.kind is Kind.ID
    )


def _plain(annotation: object) -> tuple[object, bool]:
    """Return an annotation without what pydantic is told besides, and whether None is allowed."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        (kind,) = [one for one in get_args(annotation) if one is not NoneType]
        return _plain(kind)[0], True
    return annotation, False
