"""Valid requests, changed in one to three places the way programs and attackers get them wrong."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import orjson

from tests.hostile.cases import NAMED_HEADERS, WRITTEN, base
from tests.hostile.documents import Maker, Path, Route, places_in, replaced
from tests.hostile.speaking import Sent
from tests.hostile.values import BODIES, ESCAPED, HEADERS, JSON, RAW_JSON

Dice = random.Random
BYTES_MAX: Final = 20


def mutated(routes: Sequence[Route], maker: Maker, count: int, seed: int) -> Iterator[Sent]:
    """Yield so many changed requests; the seed decides all of them."""
    dice = random.Random(seed)
    for _ in range(count):
        yield _one(dice, dice.choice(routes), maker)


def _one(dice: Dice, route: Route, maker: Maker) -> Sent:
    path, query, body = base(route, maker)
    for _ in range(dice.randint(0, 2)):
        body = _changed(dice, body)
    query = [pair for pair in query if dice.random() < 0.8]
    for parameter in route.at("query"):
        if parameter.name != "wait" and dice.random() < 0.3:
            query.append((parameter.name, _text(dice)))
    sent = Sent(
        route.method,
        route.target(path, query),
        None if route.body is None else orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
    )
    for change in dice.sample(CHANGES, dice.randint(0, 2)):
        sent = change(dice, sent)
    return sent


def _text(dice: Dice) -> str:
    while True:
        text = dice.choice(WRITTEN)
        if len(text) < 3_000 and not any("\ud800" <= one <= "\udfff" for one in text):
            return text


def _changed(dice: Dice, body: object) -> object:
    """Return the body with another value, a field less, a field more, or two in each other."""
    place: Path = dice.choice(list(places_in(body)))
    other = dice.choice([_text(dice), dice.choice(JSON), body, dice.choice([body, None])])
    match dice.randrange(4):
        case 0:
            return replaced(body, place, other)
        case 1 if isinstance(body, dict) and body:
            gone = dice.choice(sorted(body))
            return {name: value for name, value in body.items() if name != gone}
        case 2 if isinstance(body, dict):
            return {**body, _text(dice)[:50]: other}
        case _:
            return replaced(body, place, [other])


def _bytes(dice: Dice, sent: Sent) -> Sent:
    """Turn some bytes of the body into others, cut it, or say a part of it twice."""
    body = bytearray(sent.body or b"{}")
    start = dice.randrange(len(body))
    end = min(len(body), start + dice.randint(1, BYTES_MAX))
    body[start:end] = dice.choice([b"", dice.randbytes(end - start), bytes(body[start:end]) * 2])
    return replace(sent, body=bytes(body))


def _raw(dice: Dice, sent: Sent) -> Sent:
    """Put something that is no JSON in the place of a value."""
    if not sent.body or b":" not in sent.body:
        return replace(sent, body=dice.choice(BODIES))
    head, _, tail = sent.body.partition(b":")
    return replace(sent, body=head + b":" + dice.choice(RAW_JSON) + b"," + tail)


def _header(dice: Dice, sent: Sent) -> Sent:
    return replace(sent, headers=[(dice.choice(NAMED_HEADERS), dice.choice(HEADERS))])


def _address(dice: Dice, sent: Sent) -> Sent:
    steps = sent.target.split("/")
    steps[dice.randrange(1, len(steps))] += dice.choice(ESCAPED)
    return replace(sent, target="/".join(steps))


def _method(dice: Dice, sent: Sent) -> Sent:
    methods = ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PURGE", "TRACE"]
    return replace(sent, method=dice.choice(methods))


CHANGES: Final[Sequence[Callable[[Dice, Sent], Sent]]] = (_bytes, _raw, _header, _address, _method)


def by_service(routes: Mapping[str, Sequence[Route]]) -> list[Route]:
    """Return the routes of all services, those that change something three times."""
    return [route for every in routes.values() for one in every for route in [one] * _weight(one)]


def _weight(route: Route) -> int:
    return 3 if route.body is not None else 1
