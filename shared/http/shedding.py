"""Shedding: a request that would wait for too long is answered at once, unread, with 503."""

from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock
from shared.auth.principal import TokenRefused
from shared.auth.tokens import Verifier
from shared.errors import Unavailable
from shared.http.places import Place, Places
from shared.http.problems import language_of, problem
from shared.http.server.gate import Gate
from shared.metrics import Metrics
from shared.runtime import Runtime
from shared.settings import ServiceSettings

NEVER_SHED: Final = ("/health/live", "/health/ready", "/metrics")
FEEDS: Final = ("/v1/events", "/v1/snapshots/")
"""What our own services read from each other."""


class Overloaded(Unavailable):
    """More is asked than can be done; nothing of this request was looked at."""

    is_news = False  # it is counted: thousands of lines would only make it worse
    en = "More is asked at the moment than can be done. Nothing was changed; send it again."
    zh = "当前请求过多，本次请求未做任何处理，请稍后重新发送。"


_COMING: Final = "coming"
OVERLOADED: Final = Overloaded()


class Shedding:
    """Sends requests away for which there is no place, not even one to wait at.

    Health, figures and our own services pass always. A place is taken when the caller is known and
    its body has come, and left when the answer begins: nobody holds one by being slow.
    """

    def __init__(self, app: ASGIApp, places: Places) -> None:
        self._app = app
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or send it away."""
        if scope["type"] == "http" and scope["state"].pop(_COMING, False):
            self._places.coming -= 1
        if scope["type"] != "http" or _path(scope) in NEVER_SHED:
            await self._app(scope, receive, send)
            return
        if self._places.full:
            runtime: Runtime = scope["app"].state.runtime
            if not await _is_own(scope, runtime.verifier):
                runtime.metrics.shed.labels("queue_full").inc()
                await _shed(scope, receive, send)
                return

        async def send_left(message: Message) -> None:
            _leave(scope)
            await send(message)

        try:
            await self._app(scope, receive, send_left)
        finally:
            _leave(scope)


def gate_of(app: FastAPI, settings: ServiceSettings) -> Gate:
    """Return the gate that sheds for an app before a request gets to it.

    What needs a second look passes: our own services' feeds, whose token may have to be verified,
    and pages of other origins, whose browser must be told more.
    """
    places: Places = app.state.places

    def gate(scope: Scope) -> Unavailable | None:
        runtime: Runtime = app.state.runtime
        if not places.crowded:
            # Many may be let in before the first of them has its turn to ask for a place.
            places.coming += 1
            scope["state"][_COMING] = True
            return None
        path: str = scope["path"]
        if path.endswith(NEVER_SHED) or any(feed in path for feed in FEEDS):
            return None
        if settings.cors_origins and _header(scope, b"origin"):
            return None
        known = runtime.verifier.known(_header(scope, b"authorization"))
        if known is not None and known.is_own_service:
            return None
        runtime.metrics.shed.labels("queue_full").inc()
        return OVERLOADED

    return gate


async def enter(request: Request, places: Places, metrics: Metrics) -> None:
    """Take a place for a request, or wait for one; raises Overloaded when there is none in time."""
    place = places.take()
    if place is None:
        if places.full:
            metrics.shed.labels("queue_full").inc()
            raise Overloaded
        began = clock.monotonic()
        place = await places.wait()
        metrics.queued.observe(clock.monotonic() - began)
        if place is None:
            metrics.shed.labels("queue_time").inc()
            raise Overloaded
    request.scope["state"]["place"] = place


def leave(request: Request) -> None:
    """Give the place of a request back: it only waits from here on."""
    _leave(request.scope)


def _leave(scope: Scope) -> None:
    place: Place | None = scope["state"].get("place")
    if place is not None:
        place.leave()


async def _is_own(scope: Scope, verifier: Verifier) -> bool:
    """Tell whether one of our own services asks; a token is verified for its feeds only."""
    authorization = _header(scope, b"authorization")
    known = verifier.known(authorization)
    if known is None and _path(scope).startswith(FEEDS):
        try:
            known = await verifier.principal(authorization)
        except (TokenRefused, Unavailable):
            return False
    return known is not None and known.is_own_service


async def _shed(scope: Scope, receive: Receive, send: Send) -> None:
    language = language_of(_header(scope, b"accept-language"))
    await problem(Overloaded(), language, scope["state"]["trace_id"])(scope, receive, send)


def _path(scope: Scope) -> str:
    """Return the path as the service knows it, wherever it is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _header(scope: Scope, wanted: bytes) -> str:
    found: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return found.decode("latin-1")
