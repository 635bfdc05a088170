"""What is thrown at a route: every hostile value at every place of a valid request."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from tests.hostile.documents import Maker, Route, places_in, replaced
from tests.hostile.speaking import Sent
from tests.hostile.values import BODIES, ESCAPED, HEADERS, JSON, NUMBERS, RAW_JSON, TEXTS, TIMES

WRITTEN = (*NUMBERS, *TIMES, *TEXTS)
_HERE = "\ue000here\ue000"
NAMED_HEADERS = (
    "Accept",
    "Accept-Language",
    "Authorization",
    "Change-Reason",
    "Content-Type",
    "Content-Encoding",
    "Host",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Range",
    "X-Forwarded-For",
    "X-HTTP-Method-Override",
    "traceparent",
    "Cookie",
)


def base(route: Route, maker: Maker) -> tuple[dict[str, str], list[tuple[str, str]], Any]:
    """Return path, query and body of a valid request."""
    body = None if route.body is None else maker.value(route.body, route.document)
    path = maker.arguments(route, "path")
    return path, list(maker.arguments(route, "query").items()), body


def valid(route: Route, maker: Maker) -> Sent:
    """Return a valid request."""
    path, query, body = base(route, maker)
    written = None if route.body is None else orjson.dumps(body)
    return Sent(route.method, route.target(path, query), written)


def addresses(route: Route, maker: Maker) -> Iterator[Sent]:
    """Yield every value at every parameter of the path, as text and escaped by hand."""
    path, query, body = base(route, maker)
    written = None if route.body is None else orjson.dumps(body)
    for parameter in route.at("path"):
        for value in WRITTEN:
            if len(value) < 3_000 and _is_text(value):
                target = route.target({**path, parameter.name: value}, query)
                yield Sent(route.method, target, written)
        for value in ESCAPED:
            escaped = route.target({**path, parameter.name: value}, raw=True)
            yield Sent(route.method, escaped, written)


def queries(route: Route, maker: Maker) -> Iterator[Sent]:
    """Yield every value at every parameter of the query, twice, unknown, and escaped by hand."""
    path, query, body = base(route, maker)
    written = None if route.body is None else orjson.dumps(body)
    for name in [*(parameter.name for parameter in route.at("query")), "unknown"]:
        if name == "wait":  # a long poll takes what it is told; one test of it is enough
            continue
        others = [pair for pair in query if pair[0] != name]
        for value in WRITTEN:
            if len(value) < 3_000 and _is_text(value):
                yield Sent(route.method, route.target(path, [*others, (name, value)]), written)
        whole = route.target(path)
        for value in ESCAPED:
            yield Sent(route.method, f"{whole}?{name}={value}", written)
            yield Sent(route.method, f"{whole}?{name}=1&{name}={value}", written)


def headers(route: Route, maker: Maker) -> Iterator[Sent]:
    """Yield every value at every header that means something to somebody."""
    sent = valid(route, maker)
    for name in NAMED_HEADERS:
        for value in HEADERS:
            yield Sent(sent.method, sent.target, sent.body, [(name, value)])


def fields(route: Route, maker: Maker) -> Iterator[Sent]:
    """Yield every value at every place of the body."""
    if route.body is None:
        return
    path, query, body = base(route, maker)
    target = route.target(path, query)
    for place in places_in(body):
        for value in (*JSON, *WRITTEN):
            changed = replaced(body, place, value)
            if _is_text(str(value)):
                yield Sent(route.method, target, orjson.dumps(changed))
        with_mark = orjson.dumps(replaced(body, place, _HERE))
        for raw in RAW_JSON:
            yield Sent(route.method, target, with_mark.replace(orjson.dumps(_HERE), raw))


def bodies(route: Route, maker: Maker) -> Iterator[Sent]:
    """Yield whole bodies that are none, also where none is asked for."""
    path, query, _ = base(route, maker)
    for body in BODIES:
        yield Sent(route.method, route.target(path, query), body)


KINDS: dict[str, Callable[[Route, Maker], Iterator[Sent]]] = {
    "addresses": addresses,
    "queries": queries,
    "headers": headers,
    "fields": fields,
    "bodies": bodies,
}


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def chosen(cases: list[Sent], most: int, seed: int) -> list[Sent]:
    """Return so many of the cases, drawn with a seed; all of them where there are fewer."""
    return cases if len(cases) <= most else random.Random(seed).sample(cases, most)
