"""Shedding: a request that would wait for too long is answered at once, unread, with 503."""

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock
from shared.auth.principal import TokenRefused
from shared.auth.tokens import Verifier
from shared.errors import Unavailable
from shared.http.places import Place, Places
from shared.http.problems import language_of, problem
from shared.metrics import Metrics
from shared.runtime import Runtime

NEVER_SHED: Final = ("/health/live", "/health/ready", "/metrics")
FEEDS: Final = ("/v1/events", "/v1/snapshots/")
"""What our own services read from each other."""


class Overloaded(Unavailable):
    """More is asked than can be done; nothing of this request was looked at."""

    en = "More is asked at the moment than can be done. Nothing was changed; send it again."
    zh = "当前请求过多，本次请求未做任何处理，请稍后重新发送。"


class Shedding:
    """Lets so many requests in at once.

    Health, figures and our own services pass always. A place is held until the answer begins, so
    neither a stream nor a slow reader holds one; a long poll gives it back with ``leave``.
    """

    def __init__(self, app: ASGIApp, places: Places) -> None:
        self._app = app
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, now or in its turn, or send it away."""
        if scope["type"] != "http" or _path(scope) in NEVER_SHED:
            await self._app(scope, receive, send)
            return
        runtime: Runtime = scope["app"].state.runtime
        place = self._places.take()
        if place is None:
            if await _is_own(scope, runtime.verifier):
                await self._app(scope, receive, send)
                return
            place = await self._wait(runtime.metrics)
        if place is None:
            await _shed(scope, receive, send)
        else:
            await self._serve(place, scope, receive, send)

    async def _wait(self, metrics: Metrics) -> Place | None:
        if self._places.full:
            metrics.shed.labels("queue_full").inc()
            return None
        began = clock.monotonic()
        place = await self._places.wait()
        metrics.queued.observe(clock.monotonic() - began)
        if place is None:
            metrics.shed.labels("queue_time").inc()
        return place

    async def _serve(self, place: Place, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["place"] = place

        async def send_left(message: Message) -> None:
            place.leave()
            await send(message)

        try:
            await self._app(scope, receive, send_left)
        finally:
            place.leave()


def leave(request: Request) -> None:
    """Give the place of a request back: it only waits from here on."""
    place: Place | None = request.scope["state"].get("place")
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
