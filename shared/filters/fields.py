"""What can be filtered and sorted: the fields of a noun, each with its kind and its column."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import LiteralString, TypeAlias
from uuid import UUID

from shared.filters.kinds import OPS, Kind, Op
from shared.sql import Condition

Below: TypeAlias = Callable[[LiteralString, UUID, date], Condition]
"""Makes the condition that a column's id lies under another in a tree on a day, or is it."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a noun: ``sql`` is what it is in the statement, ``column`` in its rows.

    ``sorts`` fields have an index, ``upwards_only`` where it is of no use downwards; ``column`` is
    the field's own name unless given. ``nullable`` fields can be asked for ``is_null``; ``below``
    makes ``under`` possible.
    """

    kind: Kind
    sql: LiteralString
    sorts: bool = False
    upwards_only: bool = False
    nullable: bool = False
    column: str | None = None
    choices: tuple[str, ...] = ()
    below: Below | None = None

    @property
    def ops(self) -> frozenset[Op]:
        """Return what may be asked of the field."""
        more = {Op.IS_NULL} if self.nullable else set()
        return OPS[self.kind] | more | ({Op.UNDER} if self.below is not None else set())


Fields: TypeAlias = Mapping[str, Field]
"""The fields of a noun by the names that its answers use."""
