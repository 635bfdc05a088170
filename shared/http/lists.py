"""Lists over HTTP: the parameters that every list takes, and the page that it answers with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request
from fastapi.responses import Response

from shared.auth.pay import READ_PAY, without_pay
from shared.auth.scope import members_outside
from shared.fields import View
from shared.filters.kinds import Value
from shared.http.call import Call
from shared.http.page import Cursor, Limit
from shared.lists import asked as asking
from shared.lists.asked import COUNT_MAX, LIMIT, Asked
from shared.lists.listing import Found, Listing
from shared.sql import Condition, anything

T = TypeVar("T")
V = TypeVar("V", bound=View)

FILTER_LENGTH_MAX: Final = 8_000
_NAME: Final = "[a-z][a-z_]{0,40}"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What every list can be asked, as it was sent."""

    filter: str | None
    sort: str | None
    fields: str | None
    limit: int
    cursor: str | None
    count: bool


Filter = Annotated[
    str | None,
    Query(
        max_length=FILTER_LENGTH_MAX,
        pattern=r"^\s*\{",
        description='Such as `{"field": "stage", "op": "eq", "value": "won"}`.',
    ),
]
Sort = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern=f"^-?{_NAME}(,-?{_NAME})*$",
        description="Fields; `-` before one: descending.",
    ),
]
Shown = Annotated[
    str | None,
    Query(
        max_length=1_000,
        pattern=f"^{_NAME}(,{_NAME})*$",
        description="Those fields of an item that are wanted; the id always comes.",
    ),
]


def _query(
    filter: Filter = None,  # noqa: A002
    sort: Sort = None,
    fields: Shown = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
    *,
    count: Annotated[bool, Query(description="Whether to count all, up to 10,000.")] = False,
) -> ListQuery:
    return ListQuery(filter, sort, fields, limit, cursor, count)


ListOf = Annotated[ListQuery, Depends(_query)]
"""The parameter of every route that lists."""


async def listed(
    request: Request,
    call: Call,
    listing: Listing[T],
    view: Callable[[T], V],
    query: ListQuery,
    *,
    within: Condition = anything,
    given: Sequence[object] = (),
    extra: Mapping[str, View] = MappingProxyType({}),
    payee: Callable[[T], UUID] | None = None,
    **exact: Value | None,
) -> Response:
    """Answer with a page of a list; ``exact`` narrows it to fields that equal a value, if given.

    ``within`` are the rows that the caller may see, ``given`` the values of the listing's own
    places; ``extra`` goes beside the items. With ``payee`` the items say nothing of the pay of
    those whose pay the caller may not see.

    Raises what ``shared.lists.asked`` raises for a query that is not one of this list.
    """
    shape = shape_of(view)
    asked = Asked(
        filter=asking.filtered(query.filter, listing.fields),
        order=asking.orders(query.sort, listing.fields),
        limit=query.limit,
        shown=asking.shown(query.fields, list(shape.model_fields)),
        count=query.count,
    ).narrowed(**exact)
    asked = asking.at(asked, query.cursor, listing.kinds(asked))
    found = await call.read(listing.page, asked, within, given)
    items = await shown_to(call, found.items, view, payee)
    following = asking.cursor(asked, found.places[-1]) if found.more else None
    return Response(
        orjson.dumps({**_page(found, items, asked, following), **_beside(extra)}),
        media_type="application/json",
        headers={"Link": _links(request, following)},
    )


async def shown_to(
    call: Call,
    items: Sequence[T],
    view: Callable[[T], V],
    payee: Callable[[T], UUID] | None,
) -> Sequence[V]:
    """Return items as the caller sees them, without the pay of those whose pay is not shown."""
    if payee is None:
        return [view(item) for item in items]
    payees = {payee(item) for item in items}
    hidden = await call.read(members_outside, call.sight(READ_PAY), payees)
    return [without_pay(view(item)) if payee(item) in hidden else view(item) for item in items]


def _page(
    found: Found[T], views: Sequence[View], asked: Asked, following: str | None
) -> dict[str, Any]:
    include = None if asked.shown is None else set(asked.shown)
    items = [orjson.Fragment(view.model_dump_json(include=include)) for view in views]
    page: dict[str, Any] = {"items": items, "next": following}
    if found.total is not None:
        exact = found.total <= COUNT_MAX
        page |= {"total": found.total} if exact else {"total_at_least": COUNT_MAX}
    return page


def _beside(extra: Mapping[str, View]) -> dict[str, orjson.Fragment]:
    return {name: orjson.Fragment(view.model_dump_json()) for name, view in extra.items()}


def _links(request: Request, following: str | None) -> str:
    """Return the Link header (RFC 8288): the first page, and the next one where there is one."""
    asked = request.query_params.multi_items()
    others = [(name, value) for name, value in asked if name != "cursor"]
    links = [f'<?{urlencode(others)}>; rel="first"']
    if following is not None:
        links.append(f'<?{urlencode([*others, ("cursor", following)])}>; rel="next"')
    return ", ".join(links)


def shape_of(view: Callable[[T], V]) -> type[V]:
    """Return the view that ``View.of`` makes, some of its arguments given or not."""
    of: Any = view.func if isinstance(view, partial) else view
    shape: type[V] = of.__self__
    return shape
