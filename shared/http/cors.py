"""CORS: which pages a browser lets call a service, which headers they may send and read."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.problems import failure, language_of

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SENT: Final = (
    "Accept-Language",
    "Authorization",
    "Change-Reason",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "traceparent",
)
READ: Final = (
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "x-request-id",
)
KEPT_SECONDS: Final = 600


class Cors(CORSMiddleware):
    """starlette's, with a problem where it refuses. No cookies: whoever asks sends a token."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=READ,
            max_age=KEPT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a browser's question is answered here."""
        asked = Headers(scope=scope)
        if scope.get("method") != "OPTIONS" or "access-control-request-method" not in asked:
            await super().__call__(scope, receive, send)
            return
        answer = self.preflight_response(asked)
        if answer.status_code >= 400 and "origin" in asked:
            allowed = {name: value for name, value in answer.headers.items() if "-control-" in name}
            language = language_of(asked.get("accept-language", ""))
            answer = failure(403, language, scope["state"]["trace_id"], allowed)
            answer.headers.add_vary_header("Origin")
        await answer(scope, receive, send)
