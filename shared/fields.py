"""Types for hostile input: every body of the API is made of these, so nothing else need distrust.

Each is a pydantic type with its bounds in the JSON schema. Text of a pattern is checked in
pydantic's core, one cheap function makes the value. Where a value is written as text, the value
itself (a Decimal, date, UUID …) is taken too, within the same bounds, so that the types serve in
answers as well; JSON has no way to send one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, LiteralString, Self, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.currencies import MINOR_DIGITS
from shared.field_words import FIELD_WORDS, refuse
from shared.money import Money
from shared.ratio import plain
from shared.text_fields import Code, Name, Note

__all__ = [
    "Body",
    "BusinessDate",
    "Code",
    "Count",
    "CurrencyCode",
    "DecimalText",
    "Id",
    "Instant",
    "LeftOut",
    "MoneyField",
    "MoneyView",
    "Name",
    "Note",
    "PeriodName",
    "Quantity",
    "RateText",
    "Share",
    "View",
]

T = TypeVar("T")

COUNT_MAX: Final = 2_147_483_647  # what an integer column holds
NUMBER_MAX: Final = 2**53 - 1  # of an event: what every reader of JSON holds exactly
DATE_MIN: Final = date(1900, 1, 1)
DATE_MAX: Final = date(2199, 12, 31)
_INSTANT_MIN: Final = datetime(1900, 1, 1, tzinfo=UTC)
_INSTANT_END: Final = datetime(2200, 1, 1, tzinfo=UTC)


# Values written as text -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)  # annotations get hashed; the schema cannot be
class _Written:
    """Annotation of a type whose values travel as text of a pattern.

    `parse` makes the value from matching text and raises ValueError where the pattern cannot
    tell; `take` does the same for a ready value. One error type covers all
    that can be wrong, because its words say all that is right.
    """

    code: LiteralString
    pattern: str
    parse: Callable[[str], object]
    kind: type
    take: Callable[[Any], object]
    shown: Mapping[str, Any]
    serialization: core_schema.SerSchema
    length_max: int = 40

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(strict=True, max_length=self.length_max, pattern=self.pattern)
        ready = core_schema.is_instance_schema(self.kind)
        return core_schema.union_schema(
            [
                core_schema.no_info_after_validator_function(self.parse, text),
                core_schema.no_info_after_validator_function(self.take, ready),
            ],
            mode="left_to_right",
            custom_error_type=self.code,
            custom_error_message=FIELD_WORDS[self.code].en,
            serialization=self.serialization,
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": self.pattern, **self.shown}


def _only(admitted: Callable[[T], bool]) -> Callable[[T], T]:
    def take(value: T) -> T:
        if not admitted(value):
            raise ValueError("out of bounds")
        return value

    return take


# Decimals with at most six places. The patterns hold the whole rule, so that a client can check
# a number before it is sent.
_PLACES: Final = r"(?:\.[0-9]{1,6})?"
_PLACES_ABOVE_ZERO: Final = (
    r"\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|00[1-9][0-9]{0,3}|000[1-9][0-9]{0,2}"
    r"|0000[1-9][0-9]?|00000[1-9])"
)
_DECIMAL: Final = rf"^-?[0-9]{{1,15}}{_PLACES}$"
_QUANTITY: Final = rf"^(?:0{{0,14}}[1-9][0-9]{{0,14}}{_PLACES}|0{{1,15}}{_PLACES_ABOVE_ZERO})$"
_SHARE: Final = rf"^(?:1(?:\.0{{1,6}})?|0{_PLACES_ABOVE_ZERO})$"
_RATE: Final = rf"^(?:10(?:\.0{{1,6}})?|[0-9]{_PLACES})$"
_LARGEST: Final = Decimal("999999999999999.999999")


def _places(value: Decimal) -> int:
    """Decimal places in use. The exponent of a finite number is an integer."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _decimal(
    code: LiteralString, pattern: str, within: Callable[[Decimal], bool], example: str
) -> _Written:
    return _Written(
        code=code,
        pattern=pattern,
        parse=Decimal,
        kind=Decimal,
        take=_only(lambda value: value.is_finite() and within(value) and _places(value) <= 6),
        shown={"examples": [example]},
        serialization=core_schema.plain_serializer_function_ser_schema(
            plain, return_schema=core_schema.str_schema(), when_used="json"
        ),
    )


DecimalText = Annotated[
    Decimal,
    _decimal("decimal_invalid", _DECIMAL, lambda x: -_LARGEST <= x <= _LARGEST, "1200.00"),
]
"""A decimal, at most 15 digits before the point and 6 after."""
Quantity = Annotated[
    Decimal, _decimal("quantity_invalid", _QUANTITY, lambda x: 0 < x <= _LARGEST, "12")
]
"""A decimal above zero, at most 15 digits before the point and 6 after."""
Share = Annotated[Decimal, _decimal("share_invalid", _SHARE, lambda x: 0 < x <= 1, "0.25")]
"""A share of one: above 0, at most 1, at most 6 decimals."""
RateText = Annotated[Decimal, _decimal("rate_invalid", _RATE, lambda x: 0 <= x <= 10, "0.08")]
"""A rate as a share of one: 0 to 10, at most 6 decimals."""
Count = Annotated[int, Field(strict=True, ge=0, le=COUNT_MAX)]
"""How many: a JSON integer from 0 to 2147483647."""


# Dates are matched loosely by the pattern; whether 30 February exists is for the parser to say.
_DATE: Final = r"^(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
_INSTANT: Final = (
    r"^(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})$"
)
_PERIOD: Final = r"^[0-9]{4}(?:-(?:H[12]|Q[1-4]|M0[1-9]|M1[0-2]))?$"
_ID: Final = r"^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"


def _instant(moment: datetime) -> datetime:
    if moment.tzinfo is None or not _INSTANT_MIN <= moment < _INSTANT_END:
        raise ValueError("out of bounds")
    return moment.astimezone(UTC)


BusinessDate = Annotated[
    date,
    _Written(
        code="date_invalid",
        pattern=_DATE,
        parse=date.fromisoformat,
        kind=date,
        # A datetime is a date to Python, but not a day.
        take=_only(lambda day: not isinstance(day, datetime) and DATE_MIN <= day <= DATE_MAX),
        shown={"format": "date", "examples": ["2025-03-31"]},
        serialization=core_schema.simple_ser_schema("date"),
    ),
]
"""A day from 1900-01-01 to 2199-12-31, written in ISO 8601."""
Instant = Annotated[
    datetime,
    _Written(
        code="instant_invalid",
        pattern=_INSTANT,
        parse=lambda text: _instant(datetime.fromisoformat(text)),
        kind=datetime,
        take=_instant,
        shown={"format": "date-time", "examples": ["2025-03-31T09:30:00Z"]},
        serialization=core_schema.simple_ser_schema("datetime"),
    ),
]
"""A moment with its offset, in the years 1900 to 2199; becomes UTC."""
PeriodName = Annotated[
    str,
    _Written(
        code="period_invalid",
        pattern=_PERIOD,
        parse=str,
        kind=str,
        take=_only(lambda _: False),  # text of any other form is no name of a period
        shown={"examples": ["2026-Q4"]},
        serialization=core_schema.simple_ser_schema("str"),
    ),
]
"""The name of a year, half, quarter or month of the fiscal calendar."""
Id = Annotated[
    UUID,
    _Written(
        code="id_invalid",
        pattern=_ID,
        parse=UUID,
        kind=UUID,
        take=_only(lambda _: True),
        shown={"format": "uuid", "examples": ["0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10"]},
        serialization=core_schema.simple_ser_schema("uuid"),
    ),
]
"""An id in its canonical form."""


# Bodies and answers -----------------------------------------------------------------------------


class Body(BaseModel):
    """What a caller sends: nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _LeftOut:
    """Annotation of what a change may leave out; null is no value of it."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_not_null, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        shown = handler(schema)
        value: JsonSchemaValue
        (value,) = (choice for choice in shown["anyOf"] if choice != {"type": "null"})
        return value


def _not_null(value: object) -> object:
    return refuse("null_refused") if value is None else value


LeftOut = Annotated[T | None, _LeftOut()]
"""A field of a change with the default None, which stands for: as it is."""


class View(BaseModel):
    """What we answer. Fields in ``SHOWN_ONCE`` hold secrets: a repetition is answered with null."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    SHOWN_ONCE: ClassVar[frozenset[str]] = frozenset()

    def repeated(self) -> Self:
        """Return the answer to a repetition of the request, which is kept with its key."""
        return self.model_copy(update=dict.fromkeys(self.SHOWN_ONCE)) if self.SHOWN_ONCE else self


class _Currency:
    """Annotation of a currency code: one of the table, found in pydantic's core."""

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.custom_error_schema(
            core_schema.literal_schema(sorted(MINOR_DIGITS)),
            custom_error_type="currency_unknown",
            custom_error_message=FIELD_WORDS["currency_unknown"].en,
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "enum": sorted(MINOR_DIGITS), "examples": ["CNY"]}


CurrencyCode = Annotated[str, _Currency()]
"""A currency code of ISO 4217."""


class MoneyField(Body):
    """An amount as a plain decimal string, with no more decimals than its currency has."""

    amount: DecimalText
    currency: CurrencyCode

    @model_validator(mode="after")
    def _not_too_fine(self) -> Self:
        digits = MINOR_DIGITS[self.currency]
        if _places(self.amount) > digits:
            refuse("money_too_fine", currency=self.currency, digits=digits)
        return self

    def money(self) -> Money:
        """The amount as the type that calculates."""
        return Money(self.amount, self.currency)


class MoneyView(View):
    """An amount as a plain decimal string with all decimals of its currency."""

    amount: Annotated[str, Field(examples=["1200.00"])]
    currency: Annotated[str, Field(examples=["CNY"])]

    @classmethod
    def of(cls, money: Money) -> Self:
        """The wire form of an amount."""
        return cls(amount=money.text, currency=money.currency)
