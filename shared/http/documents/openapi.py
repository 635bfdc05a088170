"""The OpenAPI document of a service: what the framework knows, and what a reader needs beside."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from shared.events.consumer import Subscription
from shared.http.documents.examples import Recorded, add_examples
from shared.http.documents.problem_answers import answers, codes_of, example
from shared.http.documents.problem_types import ProblemType, problem_types
from shared.http.documents.schemas import named, not_null, tidied
from shared.http.problems import ProblemView
from shared.http.routes import PUBLIC, SIGNED_IN, Routes, demanded, permission_of

Document = dict[str, Any]

_SAFE: Final = ("get", "head")
_OF_CHANGES: Final = ("idempotency-key", "if-match", "change-reason")
_OF_READING: Final = ("if-none-match",)
_CONDITIONAL: Final = re.compile(r"\bcall\.(?:one|derived)\(")
"""What answers with 304 to whoever has the answer already."""
_ABOUT_ALL: Final = """

Ids are UUIDs, days ISO 8601, moments RFC 3339 in UTC, amounts of money decimal text with a
currency. Lists come in pages: send `next` back as `cursor`. Every failure is a problem (RFC 9457)
in English or Chinese, by `Accept-Language`; its `type` leads to an explanation, its `code` is what
programs go by.
"""
_HEADERS: Final[Mapping[str, Document]] = {
    "x-request-id": {
        "description": "The trace id of the request; name it when you report a failure.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "example": "0af7651916cd43dd8448eb211c80319c",
    },
    "Content-Language": {
        "description": "The language of the texts.",
        "schema": {"type": "string", "enum": ["en", "zh"]},
    },
    "Retry-After": {
        "description": "After how many seconds to send the same request again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1",
    },
    "WWW-Authenticate": {
        "description": "How to prove who is calling.",
        "schema": {"type": "string"},
        "example": "Bearer",
    },
    "Idempotency-Replayed": {
        "description": "`true`: the request was answered before; this is that answer.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "ETag": {
        "description": "The version of what the answer shows; for `If-Match` and `If-None-Match`.",
        "schema": {"type": "string"},
        "example": '"7"',
    },
    "Link": {
        "description": "Where the list goes on and where it begins (RFC 8288).",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left of the caller's rate, and until when.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "How many requests a caller may send in which time.",
        "schema": {"type": "string"},
    },
    "Deprecation": {
        "description": "Since when the operation is deprecated (RFC 9745).",
        "schema": {"type": "string", "pattern": "^@[0-9]+$"},
    },
    "Sunset": {
        "description": "When the operation will be gone (RFC 8594).",
        "schema": {"type": "string"},
    },
}


@dataclass(frozen=True, slots=True)
class Described:
    """What the document says of a service beside its routes.

    ``below`` is where callers reach it, ``issuer`` whose tokens it takes; ``installation`` begins
    the subjects of its events.
    """

    name: str
    title: str
    description: str
    below: str
    issuer: str
    routers: Sequence[APIRouter]
    recorded: Recorded
    installation: str
    subscriptions: Sequence[Subscription]


def describe(app: FastAPI, service: Described) -> Document:
    """Return the OpenAPI 3.1 document of a service."""
    document = get_openapi(
        title=service.title,
        version=app.version,
        description=service.description + _ABOUT_ALL.rstrip(),
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": service.below, "description": "Where callers reach the service."}],
        tags=list(_tags(service.routers)),
    )
    known = problem_types(service.name)
    used: set[str] = set()
    for route, operation in operations(app, document):
        used |= _complete(route, operation, known)
    components = document["components"]
    components["schemas"] = named({**components["schemas"], **_problem_schemas()})
    components["examples"] = {code: example(known[code], service.below) for code in sorted(used)}
    components["securitySchemes"] = _security(service.issuer)
    document = tidied(document)
    add_examples(document, service.recorded)
    document["components"]["headers"] = _used_headers(document)
    return document


def operations(app: FastAPI, document: Document) -> Iterator[tuple[APIRoute, Document]]:
    """Yield each route that the document shows with its operation there."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in sorted(route.methods or ()):
                yield route, document["paths"][route.path_format][method.lower()]


def _tags(routers: Iterable[APIRouter]) -> Iterator[Document]:
    about: dict[str, str] = {}
    for router in routers:
        for tag in map(str, router.tags):
            said = router.about if isinstance(router, Routes) else ""
            about[tag] = about.get(tag) or said
    for tag, text in about.items():
        yield {"name": tag, "description": text} if text else {"name": tag}


def _complete(route: APIRoute, operation: Document, known: Mapping[str, ProblemType]) -> set[str]:
    """Complete an operation in place; return the codes of its problems."""
    (method,) = (name.lower() for name in route.methods or ())
    text = inspect.cleandoc(route.endpoint.__doc__ or "")
    operation["summary"] = _first_sentence(text)
    operation["description"] = f"{text}\n\n{_permission(route)}"
    required = {name.lower() for name, _ in demanded(route)}
    useless = _OF_CHANGES if method in _SAFE else _OF_READING
    operation["parameters"] = [
        {
            **parameter,
            "schema": _in_address(parameter, route),
            "required": parameter["required"] or parameter["name"].lower() in required,
        }
        for parameter in operation.get("parameters", ())
        if parameter["name"].lower() not in useless
    ]
    if not operation["parameters"]:
        del operation["parameters"]
    has_body = "requestBody" in operation
    has_input = has_body or "parameters" in operation
    if operation.get("security"):
        operation["security"] = [{"bearer": []}, {"oidc": []}]
    codes = codes_of(route, has_input=has_input, has_body=has_body) & known.keys()
    conditional = _CONDITIONAL.search(inspect.getsource(route.endpoint)) is not None
    if conditional:
        operation["responses"]["304"] = {"description": "It is as `If-None-Match` names it."}
    good = {
        status: _good(
            answer,
            operation,
            method,
            None if status == "304" else route.response_model,
            conditional=conditional,
        )
        for status, answer in operation["responses"].items()
        if status.startswith(("2", "3"))
    }
    problems = answers(codes, known)
    for status, answer in operation["responses"].items():
        # Another answer than a problem; the framework's own 422 is one that nobody gets.
        if status in problems and status != "422" and answer.get("content"):
            problems[status]["description"] = answer["description"]
            problems[status]["content"].update(answer["content"])
    operation["responses"] = {**good, **problems}
    return set(codes)


def _in_address(parameter: Document, route: APIRoute) -> Document:
    """Return the schema of a parameter as an address or header can say it.

    Left out is not null, and a slash parts the steps of a path, escaped too.
    """
    schema = not_null(parameter["schema"])
    is_step = parameter["in"] == "path" and f"{{{parameter['name']}:path}}" not in route.path
    if is_step and str(schema.get("pattern", "")).startswith("^[^"):
        schema = {
            **schema,
            "pattern": schema["pattern"].replace("[^", "[^/"),
            "examples": [text.replace("/", "-") for text in schema["examples"]],
        }
    return schema


def _first_sentence(text: str) -> str:
    sentence, _, _ = text.partition("\n\n")[0].replace("\n", " ").partition(". ")
    return sentence.rstrip(".")


def _permission(route: APIRoute) -> str:
    permission = permission_of(route)
    if permission == PUBLIC:
        return "Needs no token."
    if permission == SIGNED_IN:
        return "Needs a token, whatever its roles."
    return f"Needs the permission `{permission}`."


def _good(
    answer: Document, operation: Document, method: str, model: object, *, conditional: bool
) -> Document:
    names = ["x-request-id"]
    if operation.get("security"):
        names += ["RateLimit", "RateLimit-Policy"]
    fields = getattr(model, "model_fields", {})
    if conditional or "version" in fields:
        names.append("ETag")
    if {"items", "next"} <= fields.keys():
        names.append("Link")
    if method not in _SAFE and "security" in operation and operation["security"]:
        names.append("Idempotency-Replayed")
    if operation.get("deprecated"):
        names += ["Deprecation", "Sunset"]
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    description = answer["description"]
    if description == "Successful Response":
        description = "Done." if method not in _SAFE else "What was asked for."
    return {
        **answer,
        "description": description,
        "headers": {**headers, **answer.get("headers", {})},
    }


def _problem_schemas() -> Document:
    found = ProblemView.model_json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
    inner = found.pop("$defs", {})
    return {"ProblemView": found, **inner}


def _security(issuer: str) -> Document:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The issuer's access token (RFC 9068), as `Authorization: Bearer …`.",
        },
        "oidc": {
            "type": "openIdConnect",
            "openIdConnectUrl": f"{issuer}/.well-known/openid-configuration",
            "description": "Where the access token comes from.",
        },
    }


def _used_headers(document: Document) -> Document:
    used = {
        name
        for path in document["paths"].values()
        for operation in path.values()
        for answer in operation["responses"].values()
        for name in answer.get("headers", ())
    }
    return {name: header for name, header in _HEADERS.items() if name in used}
