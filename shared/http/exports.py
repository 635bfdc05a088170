"""Exports: the whole of a list as a file, page by page, under the same filter and row scope.

No transaction is held from the first row to the last: each page is read for itself, by key. A row
comes at most once, as it was when its page was read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin
from uuid import UUID

import orjson
from fastapi import Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from shared.fields import View
from shared.filters.kinds import Value
from shared.http.call import Call
from shared.http.downloads import Accept, Mark, Rows, Wished, download, format_wished, stream
from shared.http.lists import Filter, Shown, Sort, shape_of, shown_to
from shared.lists import asked as asking
from shared.lists.asked import Asked
from shared.lists.listing import Listing
from shared.ratio import plain
from shared.sql import Condition, anything
from shared.tables.model import Cell, Format

T = TypeVar("T")
V = TypeVar("V", bound=View)

ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """What an export can be asked: what its list can, but for pages, and in which form."""

    filter: str | None
    sort: str | None
    fields: str | None
    form: Format
    mark: bool


def _query(
    filter: Filter = None,  # noqa: A002
    sort: Sort = None,
    fields: Shown = None,
    wished: Wished = None,
    accept: Accept = "",
    mark: Mark = None,
) -> ExportQuery:
    return ExportQuery(filter, sort, fields, format_wished(wished, accept), mark is not False)


ExportOf = Annotated[ExportQuery, Depends(_query)]
"""The parameter of every route that exports a list."""


async def exported(
    call: Call,
    name: str,
    listing: Listing[T],
    view: Callable[[T], V],
    query: ExportQuery,
    *,
    within: Condition = anything,
    given: Sequence[object] = (),
    payee: Callable[[T], UUID] | None = None,
    **exact: Value | None,
) -> StreamingResponse:
    """Answer with all items of a list as a file; the parameters are those of ``listed``.

    NDJSON has the very views of the list, one a line. In CSV and XLSX what is inside a view stands
    in columns such as ``amount.currency``, and a list is JSON text; both are read by our imports.
    """
    shape = shape_of(view)
    asked = Asked(
        filter=asking.filtered(query.filter, listing.fields),
        order=asking.orders(query.sort, listing.fields),
        shown=asking.shown(query.fields, list(shape.model_fields)),
    ).narrowed(**exact)
    items = listing.stream(call.database, asked, within, given)
    pages = _pages(items, lambda page: shown_to(call, page, view, payee))
    # The first page is read before anything is answered, so that a refusal is a problem.
    first = await anext(pages, None) or ()  # a default of () breaks anext itself
    wanted = frozenset(shape.model_fields if asked.shown is None else asked.shown)
    whole = _from(first, pages)
    if query.form is Format.NDJSON:
        return stream(name, query.form, _lines(whole, wanted))
    header = [column for column, _ in columns_of(shape, wanted)]
    return download(name, query.form, header, _rows(whole, wanted), mark=query.mark)


async def _pages(
    items: AsyncIterator[T], views: Callable[[Sequence[T]], Awaitable[Sequence[V]]]
) -> AsyncIterator[Sequence[V]]:
    page: list[T] = []
    async for item in items:
        page.append(item)
        if len(page) == ROWS_AT_ONCE:
            yield await views(page)
            page = []
    if page:
        yield await views(page)


async def _from(
    first: Sequence[V], pages: AsyncIterator[Sequence[V]]
) -> AsyncIterator[Sequence[V]]:
    yield first
    async for page in pages:
        yield page


async def _lines(
    pages: AsyncIterator[Sequence[View]], wanted: frozenset[str]
) -> AsyncIterator[bytes]:
    include = set(wanted)
    async for page in pages:
        yield b"".join(item.model_dump_json(include=include).encode() + b"\n" for item in page)


async def _rows(pages: AsyncIterator[Sequence[View]], wanted: frozenset[str]) -> Rows:
    async for page in pages:
        yield [list(_cells(item, wanted)) for item in page]


@cache
def columns_of(
    view: type[BaseModel], wanted: frozenset[str] | None = None
) -> tuple[tuple[str, str], ...]:
    """Return the columns of a view, each with its field: those inside it stand behind a point."""
    found: list[tuple[str, str]] = []
    for name, field in view.model_fields.items():
        if wanted is not None and name not in wanted:
            continue
        inner = _view_of(field.annotation)
        if inner is None:
            found.append((name, name))
        else:
            found += [(f"{name}.{column}", name) for column, _ in columns_of(inner)]
    return tuple(found)


def _cells(item: BaseModel, wanted: frozenset[str] | None = None) -> Iterator[Cell]:
    for name, field in type(item).model_fields.items():
        if wanted is not None and name not in wanted:
            continue
        value = getattr(item, name)
        inner = _view_of(field.annotation)
        if inner is None:
            yield _cell(value)
        elif value is None:
            yield from [None] * len(columns_of(inner))
        else:
            yield from _cells(value)


def _view_of(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 (an annotation)
    """Return the view that a field holds, or may hold; None for a value or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, UnionType}:
        found = [_view_of(part) for part in get_args(annotation)]
        views = [view for view in found if view is not None]
        return views[0] if len(views) == 1 else None
    return None


def _cell(value: object) -> Cell:
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat()  # with its zone, which a spreadsheet's moment has none of
    if isinstance(value, Mapping | list | tuple):
        return orjson.dumps(value, default=_plain).decode()
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return plain(value) if isinstance(value, Decimal) else str(value)
