"""JSON from strangers: what the parser takes in silence or at any size is refused here by name.

The parser (orjson) refuses NaN, Infinity, lone surrogates and broken UTF-8 itself, and takes the
last of two equal keys without a word. Two counts show that there are none, a second look is needed
for few bodies, so an ordinary one costs less than a microsecond more.
"""

import json
from collections.abc import Iterator
from typing import Final

import orjson

from shared.errors import Invalid, TooLarge

DEPTH_MAX: Final = 32
KEYS_MAX: Final = 200
"""Of one object: each that is unknown is an error to be told, and a body may hold very many."""
VALUES_MAX: Final = 200_000
"""Of a whole body; the largest that any route takes has about two thirds of that."""
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class JsonNotUtf8(Invalid):
    """A byte order mark, UTF-16 or UTF-32: RFC 8259 has UTF-8 only."""

    en = "Send JSON in UTF-8, without a byte order mark."
    zh = "请发送 UTF-8 编码且不带字节顺序标记（BOM）的 JSON。"


class JsonTooDeep(Invalid):
    """Lists and objects inside each other, deeper than anything that we take."""

    en = "The JSON is nested more deeply than {depth} levels."
    zh = "JSON 的嵌套超过 {depth} 层。"


class JsonKeyTwice(Invalid):
    """An object says two things under one name; which of them counts is anybody's guess."""

    en = "A name stands twice in this object. Send each name once."
    zh = "此对象中有重复的名称，每个名称只能出现一次。"


class JsonTooMany(TooLarge):
    """More values than any body needs, or more names in one object."""

    en = "Send at most {values} values at a time, and {keys} names in one object."
    zh = "每次最多发送 {values} 个值，每个对象最多 {keys} 个名称。"


def read(body: bytes) -> object:
    """Return what a body says.

    Raises json.JSONDecodeError for what is no JSON, JsonNotUtf8, JsonTooDeep, JsonKeyTwice and
    JsonTooMany.
    """
    # JSON begins with ASCII, so a zero among the first bytes is a character of two or four.
    if body.startswith(_MARKS) or 0 in body[:4]:
        raise JsonNotUtf8
    document: object = orjson.loads(body)
    colons = body.count(b":")
    brackets = body.count(b"[") + body.count(b"{")
    if brackets > DEPTH_MAX or colons > KEYS_MAX or body.count(b",") > KEYS_MAX:
        _measure(document)
    # Only \\u003a hides a colon: where no character is written so, fewer colons are fewer keys.
    if b"\\u" in body or colons != orjson.dumps(document).count(b":"):
        _look_for_twins(body)
    return document


def _measure(document: object) -> None:
    """Refuse a document of too many levels, names or values, level by level."""
    values = 0
    level = [document]
    for _ in range(DEPTH_MAX):
        below: list[object] = []
        for node in level:
            if type(node) is dict:
                if len(node) > KEYS_MAX:
                    raise JsonTooMany(values=VALUES_MAX, keys=KEYS_MAX)
                below.extend(node.values())
            elif type(node) is list:
                below.extend(node)
        values += len(below)
        if values > VALUES_MAX:
            raise JsonTooMany(values=VALUES_MAX, keys=KEYS_MAX)
        level = [node for node in below if type(node) is dict or type(node) is list]
        if not level:
            return
    raise JsonTooDeep(depth=DEPTH_MAX)


class _Pairs(list[tuple[str, object]]):
    """An object as it was written, with all of its names."""


def _look_for_twins(body: bytes) -> None:
    """Refuse a document in which an object has a name twice, and say where."""
    for pointer, pairs in _objects(json.loads(body, object_pairs_hook=_Pairs), ""):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonKeyTwice(pointer=f"{pointer}/{_step(name)}")
            seen.add(name)


def _objects(node: object, pointer: str) -> Iterator[tuple[str, _Pairs]]:
    if isinstance(node, _Pairs):
        yield pointer, node
        for name, value in node:
            yield from _objects(value, f"{pointer}/{_step(name)}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _objects(value, f"{pointer}/{place}")


def _step(name: str) -> str:
    return name[:100].replace("~", "~0").replace("/", "~1")
