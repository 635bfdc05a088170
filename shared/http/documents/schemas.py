"""Schemas as a reader wants them: speaking names, no titles that repeat the name of a field."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

REFERENCE: Final = "#/components/schemas/"
_GENERIC: Final = re.compile(r"^(\w+?)_(\w+)_$")
_FRAMEWORKS_OWN: Final = ("HTTPValidationError", "ValidationError")
_RENAMED: Final = {"ProblemView": "Problem", "ProblemErrorView": "ProblemError"}

Schema = dict[str, Any]


def named(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the schemas under the names that the document gives them, in order."""
    kept = {name: schema for name, schema in schemas.items() if name not in _FRAMEWORKS_OWN}
    return {speaking(name): schema for name, schema in sorted(kept.items())}


def speaking(name: str) -> str:
    """Return a model's name as the document has it: Page_DealView_ becomes PageOfDealView."""
    match = _GENERIC.match(name)
    return f"{match[1]}Of{speaking(match[2])}" if match else _RENAMED.get(name, name)


def tidied(document: Schema) -> Schema:
    """Return a document with its references renamed and its schemas without titles.

    A title is only there where pydantic made it from a name; ours would be descriptions. These are
    docstrings, and mark code as Markdown does.
    """
    return cast(Schema, _walked(document, _tidy))


def not_null(schema: Schema) -> Schema:
    """Return the schema of a parameter: left out is not null, which an address cannot say."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    around = {key: value for key, value in schema.items() if key != "anyOf"}
    if around.get("default", ...) is None:
        del around["default"]
    return {**choices[0], **around}


def _tidy(node: Schema) -> Schema:
    if isinstance(node.get("title"), str) and "version" not in node:
        node = {key: value for key, value in node.items() if key != "title"}
    node |= {
        key: node[key].replace("``", "`")
        for key in ("summary", "description")
        if isinstance(node.get(key), str)
    }
    if "patternProperties" in node:  # names of another pattern are refused
        node = {**node, "additionalProperties": False}
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith(REFERENCE):
        return {**node, "$ref": REFERENCE + speaking(reference.removeprefix(REFERENCE))}
    mapping = node.get("mapping")
    if isinstance(mapping, dict):
        return {
            **node,
            "mapping": {key: _tidy({"$ref": to})["$ref"] for key, to in mapping.items()},
        }
    return node


def _walked(node: object, change: Callable[[Schema], Schema], *, is_named: bool = False) -> object:
    """Change every object of a document; ``is_named`` holds for those whose keys are names."""
    if isinstance(node, list):
        return [_walked(item, change) for item in node]
    if not isinstance(node, dict):
        return node
    changed = node if is_named else change(node)
    return {
        key: value
        if key in {"example", "examples", "value"} and not is_named
        else _walked(value, change, is_named=key in {"properties", "$defs"} and not is_named)
        for key, value in changed.items()
    }
