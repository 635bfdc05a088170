"""A profile bound to the header of a file: from the cells of a row to the fields of a noun."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.errors import Invalid, PharosError
from shared.fields import Body
from shared.http.validation_words import fault
from shared.jobs.importer import Importer
from shared.jobs.mapping import FieldSource, MappingProfile
from shared.tables import conversions
from shared.tables.conversions import Kind, ValueNotMapped
from shared.tables.model import Cell

Problem = Mapping[str, str | None]


class ColumnsMissing(Invalid):
    """The file has no column for what is needed."""

    en = (
        "The file has no column {columns}. Its header must be the first row with content; "
        "name a mapping profile if its columns are called otherwise."
    )
    zh = "文件缺少列：{columns}。首个非空行必须是表头；若列名不同，请指定映射方案。"


class ColumnTwice(Invalid):
    """Two columns have the heading that is needed."""

    en = "The column {column} stands twice in the header. Rename one of them."
    zh = "表头中的列 {column} 出现两次，请重命名其中一列。"


class RowHasMoreCells(Invalid):
    """A row that is longer than the header: some cell was cut in two."""

    en = "The row has {cells} cells, the header {columns}. Put text with the delimiter in quotes."
    zh = "该行有 {cells} 个单元格，而表头只有 {columns} 列。含分隔符的文本请加引号。"


@dataclass(frozen=True, slots=True)
class _Bound:
    """A field with the place of its column; None for a constant."""

    field: str
    kind: Kind
    place: int | None
    heading: str | None
    source: FieldSource


@dataclass(frozen=True, slots=True)
class Binding:
    """Turns the cells of a row into a row of the noun."""

    row: type[Body]
    width: int
    bound: Sequence[_Bound]

    def read(self, cells: Sequence[Cell]) -> tuple[Body | None, Sequence[Problem]]:
        """Return the row, or None with all that is wrong with it."""
        if len(cells) > self.width and any(cell for cell in cells[self.width :]):
            return None, [_problem(RowHasMoreCells(cells=len(cells), columns=self.width))]
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for one in self.bound:
            try:
                value = _value(one, cells)
            except PharosError as error:
                problems.append(_problem(error, one))
            else:
                if value is not None:
                    values[one.field] = value
        at_fault = {problem["field"] for problem in problems}
        try:
            row = self.row.model_validate(values)
        except ValidationError as error:
            # What was not converted counts as missing here; it has been told better above.
            found = error.errors(include_url=False, include_input=False)
            faults = [self._of_fault(dict(one)) for one in found]
            problems += [one for one in faults if one["field"] not in at_fault]
            return None, problems
        return (None, problems) if problems else (row, ())

    def problem(self, error: PharosError) -> Problem:
        """Return a refusal of the command as a problem of the row."""
        return _problem(error, self._named((error.pointer or "").strip("/?").split("/")[0]))

    def _of_fault(self, error: Mapping[str, Any]) -> Problem:
        name = str(error["loc"][0]) if error["loc"] else ""
        one = self._named(name)
        return {
            "field": name or None,
            "column": one.heading if one else None,
            "code": fault(error, "en").code,
            "en": fault(error, "en").detail,
            "zh": fault(error, "zh").detail,
        }

    def _named(self, field: str) -> _Bound | None:
        return next((one for one in self.bound if one.field == field), None)


def bind(profile: MappingProfile, importer: Importer, header: Sequence[str]) -> Binding:
    """Bind a profile; raises ColumnsMissing and ColumnTwice."""
    times = Counter(header)
    wanted = {s.column: name for name, s in profile.fields.items() if s.column is not None}
    optional = {
        s.column
        for name, s in profile.fields.items()
        if s.default is not None or name not in importer.required
    }
    missing = [column for column in wanted if column not in times and column not in optional]
    if missing:
        raise ColumnsMissing(columns=missing)
    for column in wanted:
        if times[column] > 1:
            raise ColumnTwice(column=column)
    places = {name: place for place, name in enumerate(header)}
    kinds = importer.kinds
    bound = [
        _Bound(
            name,
            kinds[name],
            None if source.column is None else places.get(source.column),
            source.column,
            source,
        )
        for name, source in profile.fields.items()
        if source.constant is not None or source.column in places or source.default is not None
    ]
    return Binding(importer.row, len(header), bound)


def plain_profile(importer: Importer, header: Sequence[str], source: str | None) -> MappingProfile:
    """Return the profile of a file whose headings are those that the noun knows.

    Raises ColumnsMissing, and ColumnTwice when two headings mean the same field.
    """
    found: dict[str, str] = {}
    known = {
        heading.casefold(): column.field
        for column in importer.columns
        for heading in (column.field, *column.headings)
    }
    for heading in header:
        field = known.get(heading.casefold())
        if field is not None:
            if field in found:
                raise ColumnTwice(column=heading)
            found[field] = heading
    fields = {name: FieldSource(column=heading) for name, heading in found.items()}
    if source is not None and "source" in importer.kinds and "source" not in fields:
        fields["source"] = FieldSource(constant=source)
    if missing := sorted(importer.required - fields.keys()):
        raise ColumnsMissing(columns=missing)
    return MappingProfile(fields=fields)


def _value(one: _Bound, cells: Sequence[Cell]) -> object:
    source = one.source
    if source.constant is not None:
        return _converted(source.constant, one)
    cell = cells[one.place] if one.place is not None and one.place < len(cells) else None
    cell = conversions.trimmed(cell)
    if isinstance(cell, str):
        cell = _replaced(cell, source)
    if cell is None:
        cell = source.default
    return None if cell is None else _converted(cell, one)


def _replaced(text: str, source: FieldSource) -> Cell:
    if source.half_width:
        text = conversions.to_half_width(text)
    if text in source.blank:
        return None
    if source.values and text in source.values:
        return conversions.trimmed(source.values[text])
    if source.values_only:
        raise ValueNotMapped(values=list(source.values)[:50])
    return text


_OF_KIND: Mapping[Kind, Callable[[str, FieldSource], object]] = {
    "decimal": lambda text, s: conversions.to_decimal(text, s.number, s.decimals),
    "integer": lambda text, s: conversions.to_integer(text, s.number),
    "boolean": lambda text, _: conversions.to_boolean(text),
}


def _converted(cell: Cell, one: _Bound) -> object:
    if one.kind == "date" or (one.source.date is not None and one.kind == "text"):
        return conversions.to_date(cell, one.source.date)
    text = conversions.to_text(cell) or ""
    if one.source.digits is not None:
        text = conversions.to_digits(text, one.source.digits)
    convert = _OF_KIND.get(one.kind)
    return text if convert is None else convert(text, one.source)


def _problem(error: PharosError, one: _Bound | None = None) -> Problem:
    return {
        "field": one.field if one else None,
        "column": one.heading if one else None,
        "code": error.code,
        "en": error.text("en"),
        "zh": error.text("zh"),
    }
