"""The objects of a service: what its lists show, what filters and sorts them, what may be done."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.filters.fields import Fields
from shared.http.documents.raised import named_in
from shared.lists.listing import Listing

Document = dict[str, Any]

_PAGE: Final = "PageOf"
_REFERENCE: Final = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be asked of an object, and the permission that it takes."""

    name: str
    method: str
    path: str
    permission: str
    does: str
    """create, read or change."""


@dataclass(frozen=True, slots=True)
class Described:
    """An object: the name of its list, what it is, the schemas of its fields, its operations."""

    name: str
    description: str
    path: str
    fields: Mapping[str, Document]
    required: frozenset[str]
    filters: Fields
    operations: tuple[Operation, ...]


def described(
    document: Document, endpoints: Mapping[str, Callable[..., object]]
) -> list[Described]:
    """Return the objects that a service lists; ``endpoints`` are its functions by operation."""
    lists = {
        path: found for path, methods in document["paths"].items() if (found := _listed(methods))
    }
    return [
        _object(document, path, schema, endpoints, lists.keys()) for path, schema in lists.items()
    ]


def _listed(methods: Document) -> str | None:
    """Return the schema of a list's items, None for what is no list."""
    answer = methods.get("get", {}).get("responses", {}).get("200", {})
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = str(schema.get("$ref", "")).removeprefix(_REFERENCE)
    return name.removeprefix(_PAGE) if name.startswith(_PAGE) else None


def _object(
    document: Document,
    path: str,
    schema: str,
    endpoints: Mapping[str, Callable[..., object]],
    lists: Collection[str],
) -> Described:
    shown = document["components"]["schemas"][schema]
    operations = tuple(_operations(document, path, lists))
    reader = document["paths"][path]["get"]["operationId"]
    listings = [one for one in named_in(endpoints[reader]) if isinstance(one, Listing)]
    return Described(
        name=[step for step in path.split("/") if not step.startswith("{")][-1],
        description=shown.get("description", ""),
        path=path,
        fields=shown.get("properties", {}),
        required=frozenset(shown.get("required", ())),
        filters=listings[0].fields if listings else {},
        operations=operations,
    )


def _operations(document: Document, path: str, lists: Collection[str]) -> Iterator[Operation]:
    """Yield what is done at a list's path or below it, unless that belongs to a list of its own."""
    for place, methods in document["paths"].items():
        if place != path and not place.startswith(f"{path}/"):
            continue
        nearest = max(
            (one for one in lists if place == one or place.startswith(f"{one}/")), key=len
        )
        if nearest == path:
            for method, operation in methods.items():
                yield Operation(
                    name=operation["operationId"],
                    method=method.upper(),
                    path=place,
                    permission=operation["x-permission"],
                    does=_does(method, operation, is_list=place == path),
                )


def _does(method: str, operation: Document, *, is_list: bool) -> str:
    if method == "get":
        return "read"
    makes = (method == "post" and is_list) or "201" in operation["responses"]
    return "create" if makes else "change"


def without_references(schema: Document, schemas: Mapping[str, Document]) -> Document:
    """Return the schema of a field with what its reference leads to, one level deep."""
    if "$ref" not in schema:
        return schema
    found = schemas[schema["$ref"].removeprefix(_REFERENCE)]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
