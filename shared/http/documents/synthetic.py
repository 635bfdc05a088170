"""Examples made from schemas, for what nobody has recorded: they fit, and read like the field."""

from collections.abc import Mapping
from typing import Final

from shared.http.documents.schemas import Schema

_OF_FORMAT: Final[Mapping[str, str]] = {
    "uuid": "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10",
    "date": "2026-03-31",
    "date-time": "2026-03-31T09:30:00Z",
}
_OF_FIELD: Final[Mapping[str, str]] = {
    "name": "上海灯塔科技",
    "code": "LH-100",
    "currency": "CNY",
    "amount": "1200.00",
    "period": "2026-Q1",
    "kind": "team",
    "line": "智能照明",
    "component": "quarterly-commission",
    "source": "pipeline",
    "quantity": "12",
    "share": "0.25",
    "measured": "150000.00",
    "quota": "200000.00",
    "attainment": "0.75",
    "value": "200000.00",
    "actual": "150000.00",
    "partition_actual": "150000.00",
    "rate": "0.08",
}
_DEPTH_MAX: Final = 30


def example_of(
    schema: Schema, schemas: Mapping[str, Schema], name: str = "", depth: int = 0
) -> object:
    """Return a value that fits the schema; ``schemas`` are those that it refers to, by reference.

    Objects are given with all their fields, lists with one item.
    """
    if depth > _DEPTH_MAX:
        return None
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"]], schemas, name, depth + 1)
    for key in ("const", "default", "example"):
        if schema.get(key) is not None:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example_of(schema[key][0], schemas, name, depth + 1)
    return _of_type(schema, schemas, name, depth)


def _of_type(schema: Schema, schemas: Mapping[str, Schema], name: str, depth: int) -> object:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {
                key: example_of(field, schemas, key, depth + 1) for key, field in fields.items()
            }
        case "array":
            items = [
                example_of(item, schemas, name, depth + 1) for item in schema.get("prefixItems", ())
            ]
            single = [example_of(schema.get("items", {}), schemas, name, depth + 1)]
            return items or single
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return False
        case "string":
            return _OF_FORMAT.get(schema.get("format", "")) or _OF_FIELD.get(name, f"{name or '…'}")
    return None
