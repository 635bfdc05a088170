"""Examples in the description: recorded from a real service, or made to fit the schema.

``services/<service>/examples.json`` and the chassis' own ``chassis.json`` hold a story: requests in
their order with the answers that a real service gave. A test tells the story again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared.http.documents.schemas import REFERENCE, Schema
from shared.http.documents.synthetic import example_of

JSON: Final = "application/json"
CHASSIS: Final = Path(__file__).parent / "chassis.json"
"""The story of what all services have."""


@dataclass(frozen=True, slots=True)
class Told:
    """One request of a story, by the name of its operation, and its answer."""

    operation: str
    summary: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200
    answer: Any = None


Recorded = Mapping[str, Sequence[Told]]
"""What a story tells of each operation, by its name."""


def read_story(file: Path) -> Sequence[Told]:
    """Return the story of a file, nothing where there is none."""
    if not file.exists():
        return ()
    return [Told(**step) for step in json.loads(file.read_text(encoding="utf-8"))]


def recorded(*files: Path) -> Recorded:
    """Return what the stories tell, by operation."""
    found: dict[str, list[Told]] = {}
    for file in files:
        for told in read_story(file):
            found.setdefault(told.operation, []).append(told)
    return found


def add_examples(document: dict[str, Any], recorded: Recorded) -> None:
    """Give every JSON body and answer of the document its examples, in place."""
    schemas = {
        f"{REFERENCE}{name}": schema for name, schema in document["components"]["schemas"].items()
    }
    for path in document["paths"].values():
        for operation in path.values():
            told = recorded.get(operation["operationId"], ())
            _add_parameters(operation, told)
            for content, values in _places(operation, told):
                if values:
                    content["examples"] = values
                elif "examples" not in content:
                    made = example_of(content.get("schema", {}), schemas)
                    content["examples"] = {"made": {"summary": "By its form", "value": made}}


def _places(
    operation: dict[str, Any], told: Sequence[Told]
) -> Iterator[tuple[Schema, dict[str, Any]]]:
    """Yield each place for examples with those that were recorded for it."""
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    if body is not None:
        yield body, _named([(one.summary, one.body) for one in told if one.body is not None])
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get(JSON)
        if content is not None and content.get("schema"):
            yield (
                content,
                _named([(one.summary, one.answer) for one in told if str(one.status) == status]),
            )


def _add_parameters(operation: dict[str, Any], told: Sequence[Told]) -> None:
    for parameter in operation.get("parameters", ()):
        places = {"path": "path", "query": "query", "header": "headers"}
        for one in told:
            sent = getattr(one, places.get(parameter["in"], "headers"))
            if parameter["name"] in sent:
                parameter["example"] = sent[parameter["name"]]
                break


def _named(values: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return {_slug(summary): {"summary": summary, "value": value} for summary, value in values}


def _slug(summary: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in summary.lower()).split())
