"""The AsyncAPI 3 document of a service: what it tells and listens to, from its contracts."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from shared.contracts.contract import Contract, contracts, family
from shared.events.consumer import Subscription
from shared.http.documents.schemas import REFERENCE, Schema, tidied
from shared.http.documents.synthetic import example_of

Document = dict[str, Any]

_ID: Final = "0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10"
_TEXT: Final = """The log of {service}, as it travels on the broker (NATS JetStream).

Every event is a CloudEvent 1.0 in binary mode: its attributes are headers, its content is the
message. Numbers (`ce-sequence`) are dense per source and partition, and each event names the one
before it (`ce-previousid`): a reader that sees a gap fetches what is missing from the feed, `GET
/v1/events`. Events come at least once and may come late; of a fact the highest
`ce-aggregateversion` holds. Fields are only ever added: ignore those that you do not know. Whoever
cannot reach the broker reads the feed, or the stream (`GET /v1/events/stream`).
"""
_UUID: Final[Schema] = {"type": "string", "format": "uuid", "examples": [_ID]}
_HEADERS: Final[Schema] = {
    "type": "object",
    "required": [
        *("Nats-Msg-Id", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject"),
        *("ce-time", "ce-partition", "ce-sequence", "ce-aggregateversion", "ce-correlationid"),
        *("ce-origin", "content-type"),
    ],
    "properties": {
        "Nats-Msg-Id": {**_UUID, "description": "The event's id: the broker drops repetitions."},
        "ce-specversion": {"type": "string", "const": "1.0"},
        "ce-id": _UUID,
        "ce-source": {"type": "string", "description": "The service that tells it."},
        "ce-type": {"type": "string"},
        "ce-subject": {**_UUID, "description": "The id of what the event tells of."},
        "ce-time": {
            "type": "string",
            "format": "date-time",
            "examples": ["2026-03-31T09:30:00+00:00"],
        },
        "ce-partition": {"type": "string", "pattern": "^[0-9]{1,2}$", "examples": ["0"]},
        "ce-sequence": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "The number in its partition of the log; dense.",
            "examples": ["1842"],
        },
        "ce-previousid": {**_UUID, "description": "The event before it in its partition."},
        "ce-aggregateversion": {"type": "string", "pattern": "^[0-9]+$", "examples": ["3"]},
        "ce-correlationid": _UUID,
        "ce-causationid": {**_UUID, "description": "The event that this one answers."},
        "ce-origin": {
            "type": "string",
            "enum": ["live", "import"],
            "description": "`import`: history, which raises no notices.",
        },
        "traceparent": {
            "type": "string",
            "description": "W3C Trace Context of the request that caused it.",
            "examples": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        },
        "content-type": {"type": "string", "const": "application/json"},
    },
}


def describe(
    service: str, title: str, installation: str, subscriptions: Sequence[Subscription]
) -> Document:
    """Return the AsyncAPI document of a service."""
    known = contracts()
    told = sorted(kind for kind in known if source_of(kind) == service)
    handled = frozenset[str]().union(*(one.handles for one in subscriptions))
    heard = sorted(kind for kind in known if {kind, family(kind)} & handled and kind not in told)
    schemas = _schemas([known[kind] for kind in (*told, *heard)])
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{title}: events",
            "version": "1",
            "description": _TEXT.format(service=service),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _server()},
        "channels": {kind: _channel(known[kind], installation) for kind in (*told, *heard)},
        "operations": {
            **{_name(kind): _operation("send", known[kind]) for kind in told},
            **{_name(kind): _operation("receive", known[kind]) for kind in heard},
        },
        "components": {
            "schemas": {**schemas, "Envelope": _HEADERS},
            "messages": {kind: _message(known[kind], schemas) for kind in (*told, *heard)},
        },
    }
    return tidied(document)


def source_of(kind: str) -> str:
    """Return the service that tells events of a type."""
    return kind.split(".")[1]


def _server() -> Document:
    return {
        "host": "{host}",
        "protocol": "nats",
        "description": "The broker of the installation.",
        "variables": {"host": {"default": "nats:4222", "description": "Host and port."}},
    }


def _schemas(models: Iterable[type[Contract]]) -> dict[str, Schema]:
    _, found = models_json_schema(
        [(model, "serialization") for model in models], ref_template=REFERENCE + "{model}"
    )
    schemas: dict[str, Schema] = found.get("$defs", {})
    return schemas


def _channel(contract: type[Contract], installation: str) -> Document:
    kind = contract.TYPE
    return {
        "address": f"{installation}.{source_of(kind)}.{{partition}}.{kind}",
        "summary": _summary(contract),
        "parameters": {
            "partition": {
                "description": "The virtual partition of the log; by the hash of the subject.",
                "default": "0",
            }
        },
        "messages": {"event": {"$ref": f"#/components/messages/{kind}"}},
    }


def _operation(action: str, contract: type[Contract]) -> Document:
    channel = f"#/channels/{contract.TYPE}"
    return {
        "action": action,
        "summary": _summary(contract),
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/event"}],
        "tags": [{"name": contract.TYPE.split(".")[2]}],
    }


def _message(contract: type[Contract], schemas: dict[str, Schema]) -> Document:
    references = {f"{REFERENCE}{name}": schema for name, schema in schemas.items()}
    payload = {"$ref": f"{REFERENCE}{contract.__name__}"}
    headers = example_of(_HEADERS, {})
    example = example_of(payload, references)
    kind = contract.TYPE
    if isinstance(headers, dict):
        headers |= {"ce-type": kind, "ce-source": source_of(kind)}
    return {
        "name": kind,
        "title": contract.__name__,
        "summary": _summary(contract),
        "description": f"{inspect.cleandoc(contract.__doc__ or '')}\n\n"
        f"In the feed and the stream it needs the permission `{contract.READ}`.",
        "contentType": "application/json",
        "headers": {"$ref": f"{REFERENCE}Envelope"},
        "payload": payload,
        "correlationId": {"location": "$message.header#/ce-correlationid"},
        "tags": [{"name": kind.split(".")[2]}],
        "x-permission": contract.READ,
        "examples": [{"name": "event", "headers": headers, "payload": example}],
    }


def _summary(contract: type[Contract]) -> str:
    text = inspect.cleandoc(contract.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return text.partition(". ")[0].rstrip(".")


def _name(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split(".")[1:])
