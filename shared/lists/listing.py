"""A list of a noun's rows: filtered, ordered, read page by page by the place where it stopped."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Generic, LiteralString, TypeVar

from shared.db import Connection, Database, Row
from shared.filters.condition import to_condition
from shared.filters.fields import Fields
from shared.filters.kinds import Kind, Value
from shared.lists.asked import COUNT_MAX, Asked, Order
from shared.lists.keyset import Step, first_stretch, ordered_by, second_stretch
from shared.sql import Condition, Parameters, all_of, anything

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
        rows = await self._rows(conn, asked, scope, given)
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

    async def _rows(
        self, conn: Connection, asked: Asked, scope: Condition, given: Sequence[object]
    ) -> Sequence[Row]:
        """Return the rows of a page and one more, from one stretch or two."""
        rows: list[Row] = []
        for stretch in self.stretches(asked):
            left = replace(asked, limit=asked.limit - len(rows))
            statement, values = self.statement(left, scope, given, stretch)
            rows += await conn.fetch(statement, *values)
            if len(rows) > asked.limit:
                break
        return rows

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

    def stretches(self, asked: Asked) -> Sequence[Condition]:
        """Return the conditions of what lies behind the place, in the order of the list."""
        if asked.place is None:
            return [anything]
        steps = [
            Step(self.fields[order.field], order.descending, value)
            for order, value in zip(self.ordered(asked), asked.place, strict=True)
        ]
        second = second_stretch(steps)
        return [first_stretch(steps), *(() if second is None else (second,))]

    def statement(
        self, asked: Asked, scope: Condition, given: Sequence[object], stretch: Condition
    ) -> tuple[LiteralString, list[object]]:
        """Return the statement of a stretch, which reads one row more, and its values."""
        parameters = Parameters(*given)
        order: list[LiteralString] = [
            ordered_by(self.fields[one.field]) + (" DESC" if one.descending else "")
            for one in self.ordered(asked)
        ]
        text = self._selected(asked, parameters, [scope, stretch])
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

    def _place(self, asked: Asked, row: Row) -> tuple[Value | None, ...]:
        order = self.ordered(asked)
        return tuple(row[self.fields[one.field].column or one.field] for one in order)
