"""Mapping profiles: which column becomes which field, and how. Data, validated and versioned."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from shared.errors import Invalid
from shared.field_words import refuse
from shared.fields import Body, Name
from shared.jobs.importer import Importer
from shared.tables.conversions import DateFormat, NumberFormat
from shared.text_fields import Code

Heading = Annotated[str, Field(min_length=1, max_length=200)]
Value = Annotated[str, Field(max_length=1_000)]
FIELDS_MAX: Final = 200
VALUES_MAX: Final = 5_000


class FieldSource(Body):
    """Where a field comes from, and how its text is converted (in this order).

    A `constant`, or the `column` of that heading. White space at both ends goes. Then `half_width`,
    then words that mean nothing (`blank`), then the value map (`values`; with `values_only` a value
    that is not in it is refused), then the `default` where nothing is left, then `digits` (leading
    zeros up to so many), `date`, `number` and `decimals` (rounded half-even).
    """

    column: Heading | None = None
    constant: Value | None = None
    half_width: bool = False
    blank: Annotated[list[Value], Field(max_length=50)] = Field(default_factory=list)
    values: Annotated[dict[str, Value], Field(max_length=VALUES_MAX)] = Field(default_factory=dict)
    values_only: bool = False
    default: Value | None = None
    digits: Annotated[int, Field(ge=1, le=64)] | None = None
    date: DateFormat | None = None
    number: NumberFormat | None = None
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.constant is None):
            refuse("column_or_constant")
        return self


class MappingProfile(Body):
    """How the columns of a file become the fields of a noun.

    It is recognised by a file that has all headings of `recognised_by`; without any it must be
    named.
    """

    title: Name | None = None
    recognised_by: Annotated[list[Heading], Field(max_length=50)] = Field(default_factory=list)
    fields: Annotated[
        dict[Code, FieldSource],
        Field(
            min_length=1,
            max_length=FIELDS_MAX,
            examples=[{"external_id": {"column": "客户编号"}, "name": {"column": "客户名称"}}],
        ),
    ]


class ProfileFieldUnknown(Invalid):
    """The profile fills a field that the noun does not have."""

    en = "{noun} have no field {field}; there are: {fields}."
    zh = "{noun} 没有字段 {field}；可用的有：{fields}。"


class FieldNotFilled(Invalid):
    """The profile leaves out what every row must have."""

    en = "Say where the field {field} comes from; every row of {noun} needs it."
    zh = "请指明字段 {field} 的来源；{noun} 的每一行都需要它。"


def check(profile: MappingProfile, importer: Importer) -> None:
    """Refuse a profile that does not fit the noun."""
    known = importer.kinds
    for name in profile.fields:
        if name not in known:
            raise ProfileFieldUnknown(
                noun=importer.noun, field=name, fields=sorted(known), pointer=f"/fields/{name}"
            )
    # Where external ids come from may be said by the job, once for all rows.
    if missing := sorted(importer.required - profile.fields.keys() - {"source"}):
        raise FieldNotFilled(noun=importer.noun, field=missing[0], pointer="/fields")


def dumped(profile: MappingProfile) -> dict[str, Any]:
    """Return a profile as it is stored: only what is said."""
    found: dict[str, Any] = profile.model_dump(mode="json", exclude_defaults=True)
    return found


def loaded(stored: Mapping[str, Any]) -> MappingProfile:
    """Return a stored profile."""
    return MappingProfile.model_validate(stored)
