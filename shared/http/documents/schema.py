"""The schema route: what there is in a service, and what this caller may do with it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import orjson
from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from shared.auth.principal import Principal
from shared.contracts.contract import contracts
from shared.contracts.roles import Breadth
from shared.fields import View
from shared.http.call import CallOf
from shared.http.documents.asyncapi import source_of
from shared.http.documents.objects import Described, described, without_references
from shared.http.page import LIMIT_MAX
from shared.http.routes import SIGNED_IN, needs, routes
from shared.http.versions import digest_of, is_known
from shared.settings import ServiceSettings

router = routes("documents")

Reach = Literal["own", "team", "territory", "all"]
_REACH: Final[Mapping[Breadth, Reach]] = {
    Breadth.OWN: "own",
    Breadth.TEAM: "team",
    Breadth.TERRITORY: "territory",
    Breadth.ALL: "all",
}


class CallerView(View):
    """Who asks, and how far each of the caller's permissions reaches."""

    subject: str
    client: str
    roles: list[str]
    permissions: dict[str, Reach]


class FieldView(View):
    """A field: `type` and `format` as in JSON Schema; `filter` the operators that it takes."""

    name: str
    type: str
    format: str | None
    nullable: bool
    choices: list[str]
    description: str | None
    filter: list[str]
    sorts: bool


class ObjectOperationView(View):
    """What can be asked, and over which rows this caller may: `reach` is null for not at all."""

    name: str
    method: str
    path: str
    permission: str
    reach: Reach | None


class MayView(View):
    """What this caller may do with some rows of an object at least."""

    create: bool
    read: bool
    change: bool


class ObjectView(View):
    """A kind of thing that the service keeps; `transitions` are the steps between its stages."""

    name: str
    path: str
    description: str
    fields: list[FieldView]
    transitions: dict[str, list[str]]
    may: MayView
    operations: list[ObjectOperationView]


class EventTypeView(View):
    """A type of event that the service tells."""

    type: str
    permission: str
    allowed: bool


class LimitsView(View):
    """How much there may be of something."""

    page_items: int
    body_bytes: int
    streams: int
    requests_per_window: int
    window_seconds: int


class SchemaView(View):
    """What there is in a service, and what this caller may do with it."""

    service: str
    version: Literal["v1"]
    caller: CallerView
    objects: list[ObjectView]
    events: list[EventTypeView]
    limits: LimitsView


@router.get("/schema", openapi_extra=needs(SIGNED_IN), response_model=SchemaView)
async def read_schema(request: Request, call: CallOf) -> Response:
    """Describe the objects of the service, and what this caller may do with them.

    Fields with their types, choices, filters and order; steps between stages; types of events;
    limits; permissions and how far they reach. `If-None-Match` spares the repetition.
    """
    state = request.app.state
    document = await state.documents.openapi_document()
    endpoints = {
        route.name: route.endpoint for route in request.app.routes if isinstance(route, APIRoute)
    }
    view = SchemaView(
        service=state.service,
        version="v1",
        caller=_caller(call.principal),
        objects=_objects(document, endpoints, state.transitions, call.principal),
        events=_events(state.service, call.principal),
        limits=_limits(call.runtime.settings),
    )
    body = orjson.dumps(view.model_dump(mode="json"))
    headers = {
        **digest_of(body),
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization",
    }
    if is_known(request.headers.get("if-none-match"), headers):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _caller(principal: Principal) -> CallerView:
    return CallerView(
        subject=principal.subject,
        client=principal.client,
        roles=sorted(principal.roles),
        permissions={
            permission: reach
            for permission in sorted(principal.permissions)
            if (reach := _reach(permission, principal)) is not None
        },
    )


def _reach(permission: str, principal: Principal) -> Reach | None:
    breadth = principal.breadth(permission)
    return None if breadth is None else _REACH[breadth]


def _objects(
    document: Mapping[str, Any],
    endpoints: Mapping[str, Callable[..., object]],
    transitions: Mapping[str, Mapping[str, Sequence[str]]],
    principal: Principal,
) -> list[ObjectView]:
    schemas = document["components"]["schemas"]
    return [
        ObjectView(
            name=one.name,
            path=one.path,
            description=one.description,
            fields=[_field(name, one, schemas) for name in one.fields],
            transitions={
                stage: list(steps) for stage, steps in transitions.get(one.name, {}).items()
            },
            may=_may(one, principal),
            operations=[
                ObjectOperationView(
                    name=operation.name,
                    method=operation.method,
                    path=operation.path,
                    permission=operation.permission,
                    reach=_reach(operation.permission, principal),
                )
                for operation in one.operations
            ],
        )
        for one in described(dict(document), endpoints)
    ]


def _field(name: str, one: Described, schemas: Mapping[str, Any]) -> FieldView:
    schema = one.fields[name]
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    nullable = len(choices) < len(schema.get("anyOf", ()))
    shape = without_references(choices[0] if choices else schema, schemas)
    listed = one.filters.get(name)
    return FieldView(
        name=name,
        type=shape.get("type", "object"),
        format=shape.get("format"),
        nullable=nullable,
        choices=[str(choice) for choice in shape.get("enum", ())],
        description=schema.get("description") or shape.get("description"),
        filter=[] if listed is None else sorted(op.value for op in listed.ops),
        sorts=listed is not None and listed.sorts,
    )


def _may(one: Described, principal: Principal) -> MayView:
    allowed = {
        operation.does
        for operation in one.operations
        if operation.permission in principal.permissions
    }
    return MayView(create="create" in allowed, read="read" in allowed, change="change" in allowed)


def _events(service: str, principal: Principal) -> list[EventTypeView]:
    told: Iterable[tuple[str, str]] = (
        (kind, contract.READ)
        for kind, contract in sorted(contracts().items())
        if source_of(kind) == service
    )
    return [
        EventTypeView(type=kind, permission=read, allowed=read in principal.permissions)
        for kind, read in told
    ]


def _limits(settings: ServiceSettings) -> LimitsView:
    return LimitsView(
        page_items=LIMIT_MAX,
        body_bytes=settings.body_limit_bytes,
        streams=settings.stream_limit,
        requests_per_window=settings.rate_limit,
        window_seconds=settings.rate_window_seconds,
    )
