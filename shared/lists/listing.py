"""A list of a noun's rows: filtered, ordered, read page by page by the place where it stopped."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Generic, LiteralString, TypeVar

from shared.db import Connection, Database, Row
from shared.filters.condition import to_condition
from shared.filters.fields import Field, Fields
from shared.filters.kinds import SQL_TYPES, Kind, Value
from shared.lists.asked import COUNT_MAX, Asked, Order
from shared.sql import Condition, Parameters, all_of, anything, brackets

T = TypeVar("T")

STREAM_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A page of a list. ``places`` says where each item stands; ``more`` that others follow.

    ``total`` counts all rows of the filter up to COUNT_MAX + 1, None where nobody asked.
    """

    items: Sequence[T]
    places: Sequence[tuple[Value | None, ...]]
    more: bool
    total: int | None


@dataclass(frozen=True, slots=True)
class OfMany(Generic[T]):
    """Makes the items of rows that need more to be read: a statement for all of them."""

    read: Callable[[Connection, Sequence[Row]], Awaitable[Sequence[T]]]


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """How a noun's rows are listed: ``select`` is a statement up to its WHERE.

    Where ``select`` has places of its own ($1, …), ``given`` are their values. ``key`` is the
    field that is unique, by which rows of the same order are ordered; ``of`` makes an item of a
    row; ``order`` is the order where none is asked for.
    """

    fields: Fields
    select: LiteralString
    of: Callable[[Row], T] | OfMany[T]
    key: str = "id"
    order: tuple[Order, ...] = ()

    async def page(
        self,
        conn: Connection,
        asked: Asked,
        scope: Condition = anything,
        given: Sequence[object] = (),
    ) -> Found[T]:
        """Return a page of the rows within ``scope``."""
        statement, values = self.statement(asked, scope, given)
        rows = await conn.fetch(statement, *values)
        total = None
        if asked.count:
            counting, values = self.counting(asked, scope, given)
            total = await conn.fetchval(counting, *values)
        taken = rows[: asked.limit]
        return Found(
            await self._items(conn, taken),
            [self._place(asked, row) for row in taken],
            len(rows) > asked.limit,
            total,
        )

    async def only(
        self,
        conn: Connection,
        scope: Condition,
        *,
        given: Sequence[object] = (),
        **exact: Value,
    ) -> T | None:
        """Return the row within ``scope`` whose fields equal these, None when there is none."""
        found = await self.page(conn, Asked(limit=1).narrowed(**exact), scope, given)
        return found.items[0] if found.items else None

    async def stream(
        self,
        database: Database,
        asked: Asked,
        scope: Condition = anything,
        given: Sequence[object] = (),
    ) -> AsyncIterator[T]:
        """Yield all rows of the filter within ``scope``, read in pages of a statement each."""
        asked = replace(asked, limit=STREAM_PAGE, count=False)
        while True:
            found = await database.read(partial(self.page, asked=asked, scope=scope, given=given))
            for item in found.items:
                yield item
            if not found.more:
                return
            asked = replace(asked, place=found.places[-1])

    async def _items(self, conn: Connection, rows: Sequence[Row]) -> Sequence[T]:
        if isinstance(self.of, OfMany):
            return await self.of.read(conn, rows)
        return [self.of(row) for row in rows]

    def kinds(self, asked: Asked) -> Sequence[Kind]:
        """Return the kinds of the values that a place in the list consists of."""
        return [self.fields[order.field].kind for order in self.ordered(asked)]

    def ordered(self, asked: Asked) -> Sequence[Order]:
        """Return the whole order, which ends with the key in the direction of what is before."""
        order = asked.order or self.order
        if any(one.field == self.key for one in order):
            return order
        return (*order, Order(self.key, order[-1].descending if order else False))

    def statement(
        self, asked: Asked, scope: Condition, given: Sequence[object] = ()
    ) -> tuple[LiteralString, list[object]]:
        """Return the statement of a page, which reads one row more, and its values."""
        parameters = Parameters(*given)
        order: list[LiteralString] = [
            _sorted(self.fields[one.field]) + (" DESC" if one.descending else "")
            for one in self.ordered(asked)
        ]
        text = self._selected(asked, parameters, [scope, self._after(asked)])
        text += " ORDER BY " + ", ".join(order)
        text += " LIMIT " + parameters.add(asked.limit + 1)
        return text, parameters.values

    def counting(
        self, asked: Asked, scope: Condition, given: Sequence[object] = ()
    ) -> tuple[LiteralString, list[object]]:
        """Return the statement that counts, to a bound, and its values."""
        parameters = Parameters(*given)
        text = self._selected(asked, parameters, [scope])
        text += " LIMIT " + parameters.add(COUNT_MAX + 1)
        return "SELECT count(*) FROM (" + text + ") AS counted", parameters.values

    def _selected(
        self, asked: Asked, parameters: Parameters, conditions: Sequence[Condition]
    ) -> LiteralString:
        filtering: Condition = anything
        if asked.filter is not None:
            filtering = to_condition(asked.filter, self.fields)
        where = all_of([filtering, *conditions])
        return self.select + " WHERE " + where(parameters)

    def _after(self, asked: Asked) -> Condition:
        if asked.place is None:
            return anything
        steps = list(zip(self.ordered(asked), asked.place, strict=True))

        def behind(parameters: Parameters) -> LiteralString:
            bound = _bound(self.fields[steps[0][0].field], *steps[0], parameters)
            return brackets(bound) + " AND " + self._behind(steps, parameters)

        return behind

    def _behind(
        self, steps: Sequence[tuple[Order, Value | None]], parameters: Parameters
    ) -> LiteralString:
        """Return the condition of a row behind a place: further at the first step that differs."""
        (order, value), *rest = steps
        field = self.fields[order.field]
        further = _further(field, order, value, parameters)
        if not rest:
            return further
        same = _sorted(field) + (
            " IS NULL" if value is None else " = " + _sent(field, value, parameters)
        )
        return brackets(
            brackets(further) + " OR " + same + " AND " + brackets(self._behind(rest, parameters))
        )

    def _place(self, asked: Asked, row: Row) -> tuple[Value | None, ...]:
        order = self.ordered(asked)
        return tuple(row[self.fields[one.field].column or one.field] for one in order)


def _further(
    field: Field, order: Order, value: Value | None, parameters: Parameters
) -> LiteralString:
    """Return the condition of a value behind another. A missing one counts as the largest."""
    column = _sorted(field)
    if value is None:
        return column + " IS NOT NULL" if order.descending else "false"
    if order.descending:
        return column + " < " + _sent(field, value, parameters)
    above = column + " > " + _sent(field, value, parameters)
    return above + " OR " + column + " IS NULL" if field.nullable else above


def _bound(
    field: Field, order: Order, value: Value | None, parameters: Parameters
) -> LiteralString:
    """Return what holds for the first value of all that follows: where an index scan begins."""
    if value is None or (field.nullable and not order.descending):
        return "true"
    sign: LiteralString = " <= " if order.descending else " >= "
    return _sorted(field) + sign + _sent(field, value, parameters)


def _sent(field: Field, value: Value, parameters: Parameters) -> LiteralString:
    return parameters.add(value) + "::" + SQL_TYPES[field.kind]


def _sorted(field: Field) -> LiteralString:
    return field.sql + ' COLLATE "C"' if field.kind is Kind.TEXT else field.sql
