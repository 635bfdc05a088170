"""The routes of a service as its OpenAPI document tells them, and a valid request for each.

Nothing here names a route: whatever a service adds is found in its document.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from tests.hostile.values import ID

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str | int, ...]

DEPTH_MAX: Final = 12

# What fits together where a schema alone cannot say so: shares sum to one, tiers have no gap.
FITTING: Final[Mapping[str, object]] = {
    "consumer": "attainment",
    "source": "pipeline",
    "name": "deals",
    "stage": "won",
    "share": "1",
    "from": "0",
    "to": None,
    "valid_to": None,
    "valid_from": "2025-01-01",
    "starts": "2025-01-01",
    "parent_id": None,
    "without_quota": None,
    "period": "2025-Q2",
    "metric": "revenue",
    "scope": "member",
    "currency": "CNY",
    "bounds": "amount",
    "measure": {"kind": "own_credits", "metric": "revenue"},
    "partition": 0,
    "wait": 0,
    "cursor": None,
    "limit": 20,
}
"""Value of a field or parameter of this name, where the schema admits it."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a route."""

    place: str
    name: str
    required: bool
    schema: Schema


@dataclass(frozen=True)
class Route:
    """An operation of a service."""

    service: str
    method: str
    template: str
    parameters: Sequence[Parameter]
    body: Schema | None
    document: Schema = field(repr=False)

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"{self.method} /{self.service}{self.template}"

    def at(self, place: str) -> Sequence[Parameter]:
        """Return the parameters in the path, query or header."""
        return [parameter for parameter in self.parameters if parameter.place == place]

    def target(
        self, path: Mapping[str, str], query: Sequence[tuple[str, str]] = (), *, raw: bool = False
    ) -> str:
        """Return the address with these values; ``raw`` ones are escaped already."""
        target = f"/{self.service}{self.template}"
        for name, value in path.items():
            written = value if raw else quote(value, safe="")
            target = target.replace(f"{{{name}:path}}", written).replace(f"{{{name}}}", written)
        pairs = [f"{name}={value if raw else quote(value, safe='')}" for name, value in query]
        return target + ("?" + "&".join(pairs) if pairs else "")


def routes_of(service: str, document: Schema) -> Sequence[Route]:
    """Return all operations of a document."""
    return [
        Route(
            service,
            method.upper(),
            template,
            [
                Parameter(one["in"], one["name"], one.get("required", False), one["schema"])
                for one in operation.get("parameters", ())
            ],
            _json_body(operation),
            document,
        )
        for template, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in {"get", "put", "post", "patch", "delete"}
    ]


def _json_body(operation: Schema) -> Schema | None:
    content = operation.get("requestBody", {}).get("content", {})
    found: Schema | None = content.get("application/json", {}).get("schema")
    return found


@dataclass(frozen=True)
class Maker:
    """Makes valid values; ``known`` has ids that exist, by the name of a field."""

    known: Mapping[str, str]

    def arguments(self, route: Route, place: str) -> dict[str, str]:
        """Return valid values of a route's parameters; of optional ones those that are known."""
        values = {
            one.name: self.value(one.schema, route.document, one.name) for one in route.at(place)
        }
        needed = {one.name for one in route.at(place) if one.required}
        return {
            name: str(value)
            for name, value in values.items()
            if value is not None and (name in needed or name in {"limit", "partition"})
        }

    def value(self, schema: Schema, document: Schema, name: str = "", depth: int = 0) -> object:
        """Return a value that a schema admits."""
        if "$ref" in schema:
            schema = _resolved(schema, document)
        for given in (self.known, FITTING):
            if name in given and _admits(schema, given[name], document):
                return given[name]
        for branches in ("anyOf", "oneOf", "allOf"):
            if branches in schema:
                return self.value(schema[branches][0], document, name, depth + 1)
        for values in ("examples", "enum"):
            if values in schema:
                return schema[values][-1]
        return (
            schema["const"] if "const" in schema else self._of_type(schema, document, name, depth)
        )

    def _of_type(self, schema: Schema, document: Schema, name: str, depth: int) -> object:
        kind = schema.get("type")
        if kind == "object":
            return {
                key: self.value(inner, document, key, depth + 1)
                for key, inner in schema.get("properties", {}).items()
                if depth < DEPTH_MAX or key in schema.get("required", ())
            }
        if kind == "array" and depth < DEPTH_MAX:
            return [self.value(schema["items"], document, name.removesuffix("s"), depth + 1)]
        if schema.get("format") == "uuid":
            return ID
        if kind == "integer":
            return int(schema.get("minimum", 1))
        return {"array": [], "boolean": True, "null": None}.get(str(kind), "灯塔")


def _resolved(schema: Schema, document: Schema) -> Schema:
    found: Any = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    resolved: Schema = found
    return resolved


def _admits(schema: Schema, value: object, document: Schema) -> bool:
    """Tell whether a value is of a type that the schema has; the rest is for the service."""
    if "$ref" in schema:
        schema = _resolved(schema, document)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return any(_admits(branch, value, document) for branch in schema[several])
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    kinds = {"string": str, "integer": int, "null": type(None), "object": dict, "array": list}
    return "type" not in schema or isinstance(value, kinds.get(schema["type"], type(None)))


def places_in(value: object, here: Path = ()) -> Iterator[Path]:
    """Yield the place of every value inside of a value, itself included."""
    yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places_in(inner, (*here, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places_in(inner, (*here, index))


def replaced(value: object, place: Path, new: object) -> object:
    """Return the value with another one at a place."""
    if not place:
        return new
    step, rest = place[0], place[1:]
    if isinstance(value, dict):
        return {**value, step: replaced(value.get(step), rest, new)}
    assert isinstance(value, list)
    assert isinstance(step, int)
    return [*value[:step], replaced(value[step], rest, new), *value[step + 1 :]]
