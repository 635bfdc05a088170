"""Where a page begins: conditions of the rows behind a place in a list's order.

A missing value counts as the largest. An index finds a place among values, or among the rows
without one, but not in both at once; so what lies behind a place is read in up to two stretches.
"""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from shared.filters.fields import Field
from shared.filters.kinds import SQL_TYPES, Kind, Value
from shared.sql import Condition, Parameters, brackets


class Step(NamedTuple):
    """A field of the order, and its value at the place."""

    field: Field
    descending: bool
    value: Value | None


def ordered_by(field: Field) -> LiteralString:
    """Return what rows are ordered by: text by code points."""
    return field.sql + ' COLLATE "C"' if field.kind is Kind.TEXT else field.sql


def first_stretch(steps: Sequence[Step]) -> Condition:
    """Return the condition of the rows behind a place that are like it in the first field.

    That is: with a value in it, or without one.
    """

    def where(parameters: Parameters) -> LiteralString:
        first, *others = steps
        column = ordered_by(first.field)
        if first.value is None:
            return column + " IS NULL AND " + brackets(_behind(others, parameters))
        if _is_uniform(steps):
            return _row_wise(steps, parameters)
        # The index is entered at the bound; the rest is looked at row by row.
        bound: LiteralString = " <= " if first.descending else " >= "
        entered = column + bound + _sent(first, parameters)
        return entered + " AND " + brackets(_behind(steps, parameters))

    return where


def second_stretch(steps: Sequence[Step]) -> Condition | None:
    """Return the condition of all rows that follow the first stretch, None where none can."""
    first = steps[0]
    column = ordered_by(first.field)
    if not first.field.nullable or (first.value is None) != first.descending:
        return None
    return lambda _: column + (" IS NOT NULL" if first.descending else " IS NULL")


def _is_uniform(steps: Sequence[Step]) -> bool:
    """Tell whether rows can be held against the place as a whole: one direction, no gaps."""
    return all(
        step.descending == steps[0].descending
        and step.value is not None
        and (place == 0 or not step.field.nullable)
        for place, step in enumerate(steps)
    )


def _row_wise(steps: Sequence[Step], parameters: Parameters) -> LiteralString:
    columns: list[LiteralString] = [ordered_by(step.field) for step in steps]
    values: list[LiteralString] = [_sent(step, parameters) for step in steps]
    sign: LiteralString = " < " if steps[0].descending else " > "
    return brackets(", ".join(columns)) + sign + brackets(", ".join(values))


def _behind(steps: Sequence[Step], parameters: Parameters) -> LiteralString:
    """Return the condition of a row behind a place: further at the first step that differs."""
    step, *others = steps
    further = _further(step, parameters)
    if not others:
        return further
    column = ordered_by(step.field)
    same = column + (" IS NULL" if step.value is None else " = " + _sent(step, parameters))
    return brackets(further) + " OR " + same + " AND " + brackets(_behind(others, parameters))


def _further(step: Step, parameters: Parameters) -> LiteralString:
    column = ordered_by(step.field)
    if step.value is None:
        return column + " IS NOT NULL" if step.descending else "false"
    if step.descending:
        return column + " < " + _sent(step, parameters)
    above = column + " > " + _sent(step, parameters)
    return above + " OR " + column + " IS NULL" if step.field.nullable else above


def _sent(step: Step, parameters: Parameters) -> LiteralString:
    return parameters.add(step.value) + "::" + SQL_TYPES[step.field.kind]
