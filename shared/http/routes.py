"""Routes: every one names the permission that it asks for, or says that it is public."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from shared.errors import PharosError
from shared.http import json_body
from shared.http.idempotency import IdempotencyKeyRequired
from shared.http.shedding import enter
from shared.http.versions import VersionRequired
from shared.runtime import Runtime

PUBLIC = "public"
SIGNED_IN = "signed-in"
"""For every caller with a valid token, whatever the roles."""
IF_MATCH, KEY = "If-Match", "Idempotency-Key"
_KEY = "x-permission"
_DEMANDS = "x-required-headers"


class RouteWithoutPermission(Exception):
    """A route that says neither which permission it needs nor that it is public."""


class _JsonRequest(Request):
    """Reads bodies with a strict parser."""

    async def json(self) -> object:
        return json_body.read(await self.body())


class _Route(APIRoute):
    """Asks who the caller is before it reads a byte of the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        permission = permission_of(self)
        wanted = demanded(self)
        takes_json = self.body_field is not None

        async def guarded(request: Request) -> Response:
            asked = _JsonRequest(request.scope, request.receive)
            if permission == PUBLIC:
                return await handle(asked)
            state: State = request.app.state
            runtime: Runtime = state.runtime
            principal = await runtime.verifier.principal(request.headers.get("authorization"))
            request.state.standing, refusal = state.rates.take(principal)
            if refusal is not None:
                raise refusal
            if permission != SIGNED_IN:
                principal.require(permission or "")  # which nobody holds
            request.state.principal = principal
            request.state.permission = permission
            for header, missing in wanted:
                if header not in request.headers:
                    raise missing()
            if takes_json:
                _check_media_type(request)
                await _arrived(asked)
            if not principal.is_own_service:
                await enter(request, state.places, runtime.metrics)
            return await handle(asked)

        return guarded


async def _arrived(request: Request) -> None:
    """Wait for the whole body; who leaves in the middle of it is answered to nobody."""
    try:
        await request.body()
    except ClientDisconnect as error:
        raise HTTPException(400) from error


def _check_media_type(request: Request) -> None:
    """Refuse a body that says it is no JSON, or JSON in another encoding than UTF-8."""
    sent = request.headers
    if sent.get("content-length", "0") == "0" and "transfer-encoding" not in sent:
        return  # that it is missing is for the schema to say
    media_type, *parameters = sent.get("content-type", "").lower().split(";")
    kind, _, subtype = media_type.strip().partition("/")
    is_json = kind == "application" and (subtype == "json" or subtype.endswith("+json"))
    charsets = {
        value.strip().strip('"')
        for name, _, value in (parameter.partition("=") for parameter in parameters)
        if name.strip() == "charset"
    }
    if not is_json or charsets - {"utf-8", "utf8"}:
        raise HTTPException(415, headers={"Accept": "application/json"})


def needs(permission: str, *, version: bool = False, key: bool = False) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route that only holders of this permission may take.

    ``version``: a change must name by If-Match what it was made from. ``key``: it must carry an
    Idempotency-Key.
    """
    if permission == PUBLIC:
        return {_KEY: PUBLIC, "security": []}
    extra: dict[str, Any] = {_KEY: permission, "security": [{"bearer": []}]}
    if version or key:
        extra[_DEMANDS] = [*([IF_MATCH] if version else []), *([KEY] if key else [])]
    return extra


def demanded(route: APIRoute) -> Sequence[tuple[str, type[PharosError]]]:
    """Return the headers that a route demands, each with what is answered where it is missing."""
    names = (route.openapi_extra or {}).get(_DEMANDS, ())
    refusals = {IF_MATCH: VersionRequired, KEY: IdempotencyKeyRequired}
    return [(name, refusals[name]) for name in names]


class Routes(APIRouter):
    """The router of a noun; ``about`` says in the API's description what the noun is."""

    def __init__(self, noun: str, about: str, prefix: str) -> None:
        super().__init__(
            prefix=prefix, tags=[noun], route_class=_Route, generate_unique_id_function=_name
        )
        self.about = about


def routes(noun: str, about: str = "", *, prefix: str = "/v1") -> Routes:
    """Return the router of a noun; of several routers of one noun the first says what it is."""
    return Routes(noun, about, prefix)


def _name(route: APIRoute) -> str:
    """Return the name of an operation: that of its function, which clients are generated from."""
    return route.name


def permission_of(route: APIRoute) -> str | None:
    """Return what a route asks for, None when it says nothing."""
    permission = (route.openapi_extra or {}).get(_KEY)
    return permission if isinstance(permission, str) else None


def check(routers: Iterable[APIRouter]) -> None:
    """Refuse to start with a route that does not say who may take it."""
    unguarded = [
        f"{sorted(route.methods or ())} {route.path}"
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and permission_of(route) is None
    ]
    if unguarded:
        raise RouteWithoutPermission(f"No permission is declared for {', '.join(unguarded)}.")
