"""What surrounds every request: its ids, its measurement, its line in the log. Pure ASGI."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from shared import clock
from shared.http.deprecation import deprecation_of
from shared.http.problems import TYPES_BELOW, unforeseen
from shared.ids import new_id
from shared.logs import logger

log = logger(__name__)

NOTHING: Final[Mapping[str, int]] = MappingProxyType({})
_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


class BodyLimit:
    """Refuses a body above the limit: unread where its length says so, else where it passes it.

    ``larger`` are the limits of routes that take files, by the end of their path.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: Mapping[str, int] = NOTHING) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        left = limit = self._limit_of(scope)
        declared = _declared_length(scope)

        async def receive_limited() -> Message:
            # Raised where the body is read, so that the answer is a problem like any other.
            nonlocal left
            if declared > limit:
                raise HTTPException(status_code=413)
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(status_code=413)
            return message

        await self._app(scope, receive_limited, send)

    def _limit_of(self, scope: Scope) -> int:
        path = scope.get("path", "")
        for end, limit in self._larger.items():
            if path.endswith(end):
                return limit
        return self._limit


class Failures:
    """Answers whatever fails without a name as a problem, inside of all that marks an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a failure behind the beginning of an answer breaks it off."""
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            request = Request(scope)
            await unforeseen(request, error)(scope, receive, send)


class RequestScope:
    """Gives a request its trace (W3C Trace Context), measures it, and logs it when it is done."""

    def __init__(self, app: ASGIApp, service: str, below: str = "") -> None:
        self._app = app
        self._service = service
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traceparent = _traceparent(scope)
        trace_id = traceparent.split("-")[1]
        scope.setdefault("state", {}).update(
            trace=traceparent, trace_id=trace_id, types_below=self._below
        )
        began = clock.monotonic()
        status = 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", trace_id.encode()))
                if (standing := scope["state"].get("standing")) is not None:
                    message["headers"].extend(standing.headers())
                ends = deprecation_of(scope.get("route"))
                if ends is not None:
                    message["headers"].extend(ends.headers())
            await send(message)

        outside = TYPES_BELOW.set(self._below)
        with bound_contextvars(trace_id=trace_id):
            try:
                await self._app(scope, receive, send_marked)
            finally:
                TYPES_BELOW.reset(outside)
                self._measure(scope, status, clock.monotonic() - began)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        runtime = getattr(scope["app"].state, "runtime", None) if "app" in scope else None
        if runtime is not None:
            labels = (scope["method"], route, str(status))
            runtime.metrics.requests.labels(*labels).observe(seconds)
        log.debug(
            "request",
            service=self._service,
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 2),
        )


def _declared_length(scope: Scope) -> int:
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _traceparent(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text: str = value.decode("latin-1")
            if _TRACEPARENT.match(text):
                return text
    fresh = new_id().hex
    return f"00-{fresh}-{fresh[16:]}-01"
