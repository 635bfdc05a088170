"""Problems: every answer that is not a success, as RFC 9457 problem+json in the caller's language.

`{type, title, status, detail, code, errors, trace_id, retryable}`: `code` is stable and what
programs go by; `type` is where the service explains it, by the full path (RFC 9457, 3.1.1) that
holds behind a gateway too; `title` and `detail` are for people, in English or Chinese. Each entry
of `errors` names the place (`pointer` into the body, or `parameter`, `header`, `cookie`), with a
code and what to send instead. What was sent is never repeated.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from shared.errors import (
    Kind,
    Language,
    PharosError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from shared.field_words import Words
from shared.fields import View
from shared.http.status_words import (
    INVALID_REQUEST,
    INVALID_REQUEST_CODE,
    RETRYABLE_STATUSES,
    TITLES,
    of_status,
)
from shared.http.validation_words import fault, not_json
from shared.logs import logger

MEDIA_TYPE: Final = "application/problem+json"
ERRORS_MAX: Final = 100
SEGMENT_LENGTH_MAX: Final = 100
ACCEPT_LANGUAGE_MAX: Final = 200

_QUALITY: Final = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*")
_PLACES: Final = {
    "query": "parameter",
    "path": "parameter",
    "header": "header",
    "cookie": "cookie",
}
_PARAMETER: Final = re.compile(r"\{[^}]*\}")
_WITHOUT_BODY: Final = (204, 304)
_log = logger(__name__)

TYPES_BELOW: Final[ContextVar[str]] = ContextVar("types_below", default="")
"""Where `/problems/…` of the service that answers lies: a path, or the beginning of a URL.

Set around every request, so that whoever answers it, middleware too, names a type that resolves.
"""


class ProblemErrorView(View):
    """One fault: where it is (one of the first four) and what to send instead."""

    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    cookie: str | None = None
    code: str
    detail: str


class ProblemView(View):
    """A problem as RFC 9457 has it, with the members that we add."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemErrorView]
    trace_id: str | None
    retryable: bool


def problem(error: PharosError, language: Language, trace_id: str | None) -> Response:
    """The answer to a failure that we named ourselves."""
    detail = error.text(language)
    place = [] if error.pointer is None else [_pointed(error.pointer)]
    return _answer(
        error.kind.status,
        code=error.code,
        title=TITLES[error.kind],
        detail=detail,
        errors=[{**at, "code": error.code, "detail": detail} for at in place],
        language=language,
        trace_id=trace_id,
        retryable=error.kind.retryable,
        headers=_headers(error),
    )


def invalid(
    errors: Sequence[Mapping[str, Any]],
    language: Language,
    trace_id: str | None,
    body: object = None,
) -> Response:
    """The answer to a request that does not fit its schema: 422, one entry per fault.

    `errors` is what `RequestValidationError.errors()` gives. With the parsed `body`, steps that
    only name a branch of the schema are left out of the pointers.
    """
    entries: list[dict[str, str]] = []
    for error in errors:
        entry = _entry(error, language, body)
        if entry not in entries:
            entries.append(entry)
        if len(entries) == ERRORS_MAX:
            break
    return _answer(
        Kind.INVALID.status,
        code=INVALID_REQUEST_CODE,
        title=TITLES[Kind.INVALID],
        detail=INVALID_REQUEST.text(language).format(count=len(entries)),
        errors=entries,
        language=language,
        trace_id=trace_id,
    )


def language_of(accept_language: str) -> Language:
    """The better liked of our two languages, English when neither is named (RFC 9110 12.5.4)."""
    best: Language = "en"
    best_quality = 0.0
    for wish in accept_language[:ACCEPT_LANGUAGE_MAX].split(","):
        tag, _, parameter = wish.partition(";")
        match = _QUALITY.fullmatch(parameter)
        quality = float(match[1]) if match else 1.0
        if quality > best_quality:
            primary = tag.strip().lower().partition("-")[0]
            if primary == "zh":
                best, best_quality = "zh", quality
            elif primary == "en":
                best, best_quality = "en", quality
    return best


def failure(
    status: int,
    language: Language,
    trace_id: str | None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The answer to a failure of which only the status is known."""
    words = of_status(status)
    return _answer(
        status,
        code=words.code,
        title=words.title,
        detail=words.detail.text(language),
        language=language,
        trace_id=trace_id,
        retryable=status in RETRYABLE_STATUSES,
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Make every failure of the app answer with a problem."""
    app.exception_handler(PharosError)(_on_error)
    app.exception_handler(RequestValidationError)(_on_invalid)
    app.exception_handler(HTTPException)(_on_http)
    app.exception_handler(Exception)(_on_failure)


async def _on_error(request: Request, error: PharosError) -> Response:
    if isinstance(error, Unavailable) and error.is_news:
        _log.warning("unavailable", code=error.code, trace_id=_trace_id(request), exc_info=error)
    return problem(error, _language(request), _trace_id(request))


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    return invalid(error.errors(), _language(request), _trace_id(request), error.body)


async def _on_http(request: Request, error: HTTPException) -> Response:
    if isinstance(error.__cause__, PharosError):  # FastAPI hides what was raised in the body
        return await _on_error(request, error.__cause__)
    if error.status_code in _WITHOUT_BODY:
        return Response(status_code=error.status_code, headers=error.headers)
    # The exception's own detail is English and may quote the request; ours is neither.
    headers = error.headers or {}
    if error.status_code == 405:
        headers = {**headers, "Allow": _allowed(request)}
    return failure(error.status_code, _language(request), _trace_id(request), headers)


def _allowed(request: Request) -> str:
    """Return the methods of an address; the framework names those of one of its routes only."""
    matching = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    # To `/deals/{id}` the word in `/deals/bulk` is an id that nobody has: what says more counts.
    said = [len(_PARAMETER.sub("", route.path)) for route in matching]
    nearest = (route for route, length in zip(matching, said, strict=True) if length == max(said))
    return ", ".join(sorted({method for route in nearest for method in route.methods or ()}))


async def _on_failure(request: Request, error: Exception) -> Response:
    return unforeseen(request, error)


def unforeseen(request: Request, error: Exception) -> Response:
    """The answer to a failure that nobody has a name for, which the log tells."""
    trace_id, language = _trace_id(request), _language(request)
    _log.error("request_failed", method=request.method, trace_id=trace_id, exc_info=error)
    # This one is called outside of all our middleware.
    TYPES_BELOW.set(request.scope.get("state", {}).get("types_below", ""))
    return failure(500, language, trace_id)


def _language(request: Request) -> Language:
    return language_of(request.headers.get("accept-language", ""))


def _trace_id(request: Request) -> str | None:
    trace_id = request.scope.get("state", {}).get("trace_id")
    return trace_id if isinstance(trace_id, str) else None


def _headers(error: PharosError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Unavailable | TooManyRequests):
        return {"Retry-After": str(error.facts.get("retry_after", error.retry_after))}
    return {}


def _entry(error: Mapping[str, Any], language: Language, body: object) -> dict[str, str]:
    source, *path = error["loc"] or ("body",)
    if source in _PLACES:
        named = ".".join(_step(step) for step in path)
        return {_PLACES[source]: named, **fault(error, language)._asdict()}
    if isinstance(body, str | bytes) and error["type"] == "json_invalid":
        return {"pointer": "", **fault(error, language)._asdict()}
    if isinstance(body, bytes) and not path:
        return {"pointer": "", **not_json(language)._asdict()}
    pointer = _pointer(path, body, is_missing=error["type"] == "missing")
    return {"pointer": pointer, **fault(error, language)._asdict()}


def _pointed(pointer: str) -> dict[str, str]:
    return {"parameter": pointer[1:]} if pointer.startswith("?") else {"pointer": pointer}


def _pointer(path: Sequence[object], body: object, *, is_missing: bool) -> str:
    """RFC 6901. Steps that the body does not have name a branch of a union and are left out."""
    steps: list[object] = []
    at: Any = body
    for position, step in enumerate(path):
        if _holds(at, step):
            at = at[step]
        elif body is not None and not (is_missing and position == len(path) - 1):
            continue
        steps.append(step)
    return "".join(f"/{_step(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def _holds(at: object, step: object) -> bool:
    if isinstance(at, dict):
        return step in at
    return isinstance(at, list) and isinstance(step, int) and step < len(at)


def _step(step: object) -> str:
    """A step of a place. An unknown field is named by the caller, so it is bounded here."""
    text = str(step)
    return text if len(text) <= SEGMENT_LENGTH_MAX else text[: SEGMENT_LENGTH_MAX - 1] + "…"


def _answer(
    status: int,
    *,
    code: str,
    title: Words,
    detail: str,
    language: Language,
    trace_id: str | None,
    errors: Sequence[Mapping[str, str]] = (),
    retryable: bool = False,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    content = {
        "type": f"{TYPES_BELOW.get()}/problems/{code}",
        "title": title.text(language),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": list(errors),
        "trace_id": trace_id,
        "retryable": retryable,
    }
    # A field name may hold a lone surrogate, which UTF-8 cannot; it must not turn 422 into 500.
    written = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(
        written,
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**headers, "Content-Language": language, "Vary": "Accept-Language"},
    )
