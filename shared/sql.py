"""Statements that depend on the request: conditions of fixed text, and the values they are sent.

Text that reaches the database is written in the code, all of it: a condition is a function that
hands its values to the parameters and names their places.
"""

from collections.abc import Callable, Iterable
from typing import Final, LiteralString, TypeAlias

# fmt: off
_PLACES: Final[tuple[LiteralString, ...]] = (
    "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12",
    "$13", "$14", "$15", "$16", "$17", "$18", "$19", "$20", "$21", "$22", "$23", "$24",
    "$25", "$26", "$27", "$28", "$29", "$30", "$31", "$32", "$33", "$34", "$35", "$36",
    "$37", "$38", "$39", "$40", "$41", "$42", "$43", "$44", "$45", "$46", "$47", "$48",
    "$49", "$50", "$51", "$52", "$53", "$54", "$55", "$56", "$57", "$58", "$59", "$60",
    "$61", "$62", "$63", "$64",
)
# fmt: on


class Parameters:
    """The values of one statement, in the order of their places."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def add(self, value: object) -> LiteralString:
        """Take a value and return its place, such as $3; at most 64."""
        self.values.append(value)
        return _PLACES[len(self.values) - 1]


Condition: TypeAlias = Callable[[Parameters], LiteralString]
"""A condition on the rows of a statement: SQL that may stand in brackets after WHERE."""


def anything(_: Parameters) -> LiteralString:
    """Hold for every row."""
    return "true"


def nothing(_: Parameters) -> LiteralString:
    """Hold for no row."""
    return "false"


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that holds where all of these do."""
    wanted = [condition for condition in conditions if condition is not anything]

    def where(parameters: Parameters) -> LiteralString:
        parts: list[LiteralString] = [condition(parameters) for condition in wanted]
        return " AND ".join(["true", *(brackets(part) for part in parts)])

    return where if wanted else anything


def brackets(part: LiteralString) -> LiteralString:
    """Return a part of a statement in brackets."""
    return "(" + part + ")"
