"""The story of the examples: told again to a real installation, request by request."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from shared.http.documents.examples import Told, read_story
from tests.architecture.source import ROOT

IN_ORDER = ("targets", "pipeline", "performance", "knowledge")
RENEW = "PHAROS_WRITE_SNAPSHOTS"
Json: TypeAlias = Any
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")


def file_of(service: str) -> Path:
    """Return where the story of a service is."""
    return ROOT / "services" / service / "examples.json"


@dataclass
class Ids:
    """The ids that the story has, and those that the installation gave in their place."""

    real: dict[str, str] = field(default_factory=dict)

    def sent(self, value: Json) -> Json:
        """Return a value of the story as the installation must get it."""
        return _replaced(value, self.real)

    def told(self, value: Json) -> Json:
        """Return a value of the installation as the story has it."""
        return _replaced(value, {real: told for told, real in self.real.items()})

    def learn(self, told: Json, real: Json) -> None:
        """Remember which ids stand at the same places."""
        for one, other in _side_by_side(told, real):
            both = isinstance(one, str) and isinstance(other, str)
            if both and _ID.fullmatch(one) and _ID.fullmatch(other):
                self.real.setdefault(one, other)


def same(told: Json, real: Json) -> Json:
    """Return the answer with what is another at each telling (moments) as it was told before."""
    if isinstance(told, dict) and isinstance(real, dict):
        return {key: same(told.get(key), value) for key, value in real.items()}
    if isinstance(told, list) and isinstance(real, list):
        if _in_any_order(told) == _in_any_order(real):
            return told  # lists go by ids, some of which are made of others that are new each time
        pairs = zip(told + [None] * len(real), real, strict=False)
        return [same(one, other) for one, other in pairs]
    return told if _masked(told) == _masked(real) else real


async def tell(
    client: httpx.AsyncClient, ids: Ids, place: tuple[str, str], told: Told
) -> tuple[int, Json]:
    """Send one request of the story; return status and answer in the story's own ids."""
    method, path = place
    answer = await client.request(
        method,
        path.format(**{key: quote(ids.sent(value)) for key, value in told.path.items()}),
        params=ids.sent(dict(told.query)) or None,
        headers=dict(told.headers),
        json=ids.sent(told.body),
    )
    real = answer.json()
    ids.learn(told.answer, real)
    return answer.status_code, same(told.answer, ids.told(real))


def is_renewed() -> bool:
    """Tell whether the story is to be written as it is told now."""
    return bool(os.environ.get(RENEW))


def write(service: str, story: list[Told]) -> None:
    """Write the story of a service."""
    steps = [
        {key: value for key, value in asdict(told).items() if value not in ({}, None)}
        for told in story
    ]
    text = json.dumps(steps, ensure_ascii=False, indent=1)
    file_of(service).write_text(f"{text}\n", encoding="utf-8")


def story(service: str) -> list[Told]:
    """Return the story of a service."""
    return list(read_story(file_of(service)))


def _in_any_order(items: list[Json]) -> list[str]:
    return sorted(_ID.sub("id", _masked(item)) for item in items)


def _masked(value: Json) -> str:
    """Return a value as text, with what differs at each telling left open."""
    return _TRACE.sub("trace", _INSTANT.sub("moment", json.dumps(value, sort_keys=True)))


def _replaced(value: Json, others: dict[str, str]) -> Json:
    if isinstance(value, dict):
        return {key: _replaced(inner, others) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, others) for inner in value]
    if isinstance(value, str):
        return _ID.sub(lambda found: others.get(found[0], found[0]), value)
    return value


def _side_by_side(told: Json, real: Json) -> Iterator[tuple[Json, Json]]:
    if isinstance(told, dict) and isinstance(real, dict):
        for key in told.keys() & real.keys():
            yield from _side_by_side(told[key], real[key])
    elif isinstance(told, list) and isinstance(real, list):
        for one, other in zip(told, real, strict=False):
            yield from _side_by_side(one, other)
    else:
        yield told, real
