"""What breaks a client: pure comparison of two OpenAPI documents, the published one and the new."""

from collections.abc import Iterator
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
SEEN_MAX = 40
"""How deep schemas are compared; ours are not recursive."""


def breaking(old: Document, new: Document) -> Iterator[str]:
    """Yield what a client that was made for the old document can no longer rely on."""
    for path, operations in old["paths"].items():
        for method, operation in operations.items():
            place = f"{method.upper()} {path}"
            known = new["paths"].get(path, {}).get(method)
            if known is None:
                yield f"{place} has gone"
                continue
            if known["operationId"] != operation["operationId"]:
                yield f"{place} is now called {known['operationId']}"
            yield from _parameters(place, operation, known)
            yield from _body(place, operation, known, old, new)
            yield from _answers(place, operation, known, old, new)


def _parameters(place: str, old: Document, new: Document) -> Iterator[str]:
    before = {(one["in"], one["name"]): one for one in old.get("parameters", ())}
    after = {(one["in"], one["name"]): one for one in new.get("parameters", ())}
    for key in before.keys() - after.keys():
        yield f"{place} no longer takes {key[1]}"
    for key, parameter in after.items():
        if parameter.get("required") and not before.get(key, {}).get("required"):
            yield f"{place} now demands {key[1]}"


def _body(place: str, old: Document, new: Document, *documents: Document) -> Iterator[str]:
    before, after = _json(old.get("requestBody")), _json(new.get("requestBody"))
    if before is None:
        if new.get("requestBody", {}).get("required"):
            yield f"{place} now demands a body"
    elif after is not None:
        yield from _taken(f"{place} body", before, after, *documents)


def _answers(place: str, old: Document, new: Document, *documents: Document) -> Iterator[str]:
    for status, answer in old["responses"].items():
        if status.startswith("2"):
            if status not in new["responses"]:
                yield f"{place} no longer answers {status}"
                continue
            before, after = _json(answer), _json(new["responses"][status])
            if before is not None and after is not None:
                yield from _given(f"{place} {status}", before, after, *documents)


def _taken(place: str, old: Document, new: Document, *documents: Document) -> Iterator[str]:
    """Compare what is sent: nothing more may be demanded, nothing that was taken be refused."""
    old, new = _resolved(old, documents[0]), _resolved(new, documents[1])
    fields, now = old.get("properties", {}), new.get("properties", {})
    for name in set(new.get("required", ())) - set(old.get("required", ())):
        yield f"{place} now demands {name}"
    for name in fields.keys() - now.keys():
        yield f"{place} no longer takes {name}"
    if "enum" in old and "enum" in new and (lost := set(old["enum"]) - set(new["enum"])):
        yield f"{place} no longer takes {sorted(lost)}"
    if place.count("/") < SEEN_MAX:
        for name in fields.keys() & now.keys():
            yield from _taken(f"{place}/{name}", fields[name], now[name], *documents)


def _given(place: str, old: Document, new: Document, *documents: Document) -> Iterator[str]:
    """Compare what is answered: nothing that was always there may be missing or another thing."""
    old, new = _resolved(old, documents[0]), _resolved(new, documents[1])
    fields, now = old.get("properties", {}), new.get("properties", {})
    for name in fields.keys() - now.keys():
        yield f"{place} no longer has {name}"
    for name in set(old.get("required", ())) - set(new.get("required", ())):
        if name in now:
            yield f"{place} does not always have {name} any more"
    if old.get("type") != new.get("type") and "type" in old:
        yield f"{place} is now {new.get('type')}, not {old['type']}"
    if "items" in old and "items" in new:
        yield from _given(f"{place}/*", old["items"], new["items"], *documents)
    if place.count("/") < SEEN_MAX:
        for name in fields.keys() & now.keys():
            yield from _given(f"{place}/{name}", fields[name], now[name], *documents)


def _json(content: Document | None) -> Document | None:
    found: Document | None = (
        (content or {}).get("content", {}).get("application/json", {}).get("schema")
    )
    return found


def _resolved(schema: Document, document: Document) -> Document:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
