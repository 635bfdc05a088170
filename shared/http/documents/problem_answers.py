"""Problems in the description of an operation: which it can answer, by status, each with a text."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi.routing import APIRoute

from shared.auth.client import IssuerUnavailable
from shared.auth.principal import PermissionMissing, TokenRefused
from shared.context import VersionChanged
from shared.db import DatabaseUnavailable
from shared.http.documents.problem_types import ProblemType
from shared.http.documents.raised import KEY, raised_by
from shared.http.idempotency import IdempotencyKeyReused
from shared.http.json_body import JsonKeyTwice, JsonNotUtf8, JsonTooDeep, JsonTooMany
from shared.http.problems import MEDIA_TYPE
from shared.http.rates import RateExceeded
from shared.http.reason import ChangeReasonInvalid
from shared.http.routes import PUBLIC, demanded, permission_of
from shared.http.shedding import Overloaded
from shared.http.status_words import ANY_FAILURE, INVALID_REQUEST_CODE, STATUS_WORDS
from shared.http.versions import VersionsUnreadable

_TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
_GUARDED: Final = (
    TokenRefused,
    PermissionMissing,
    IssuerUnavailable,
    DatabaseUnavailable,
    Overloaded,
    RateExceeded,
)
"""What every route may answer that asks for a permission."""
_CHANGING: Final = (
    ChangeReasonInvalid,
    IdempotencyKeyReused,
    VersionChanged,
    VersionsUnreadable,
)
_OF_JSON: Final = (JsonKeyTwice, JsonNotUtf8, JsonTooDeep, JsonTooMany)


def codes_of(route: APIRoute, *, has_input: bool, has_body: bool) -> frozenset[str]:
    """Return the codes of the problems that a route can answer with."""
    needed = (one.call for one in route.dependant.dependencies if one.call is not None)
    errors = {error for step in (route.endpoint, *needed) for error in raised_by(step)}
    codes = {ANY_FAILURE.code, *(route.openapi_extra or {}).get(KEY, ())}
    if "{" in route.path:
        codes.add(STATUS_WORDS[404].code)  # an escaped slash parts the path all the same
    if route.methods and route.methods & {"GET", "HEAD"}:
        errors.difference_update(_CHANGING)  # nobody sends these headers to read something
    elif permission_of(route) != PUBLIC:
        errors.update(_CHANGING)
    if permission_of(route) != PUBLIC:
        errors.update(_GUARDED)
    errors.update(refusal for _, refusal in demanded(route))
    if has_input:
        codes.add(INVALID_REQUEST_CODE)
    if has_body:
        errors.update(_OF_JSON)
        codes |= {STATUS_WORDS[status].code for status in (400, 413, 415)}
    return frozenset(codes | {error.code for error in errors})


def answers(codes: Iterable[str], known: Mapping[str, ProblemType]) -> dict[str, Any]:
    """Return the responses of an operation that can answer with these problems."""
    of_status: dict[int, list[ProblemType]] = {}
    for code in sorted(codes):
        problem = known[code]
        of_status.setdefault(problem.status, []).append(problem)
    return {str(status): _answer(of_status[status]) for status in sorted(of_status)}


def example(problem: ProblemType, below: str) -> dict[str, Any]:
    """Return the example of a problem; braces stand for the facts of the case."""
    place = {"pointer": "", "code": problem.code, "detail": problem.text.en}
    return {
        "summary": problem.title.en,
        "value": {
            "type": f"{below}/problems/{problem.code}",
            "title": problem.title.en,
            "status": problem.status,
            "detail": problem.text.en,
            "code": problem.code,
            "errors": [place] if problem.status == 422 else [],
            "trace_id": _TRACE,
            "retryable": problem.retryable,
        },
    }


def _answer(problems: list[ProblemType]) -> dict[str, Any]:
    lines = [f"- `{problem.code}`: {problem.text.en}" for problem in problems]
    codes = {"type": "object", "properties": {"code": {"enum": [one.code for one in problems]}}}
    headers = ["x-request-id", "Content-Language"]
    if any(problem.status in {429, 503} for problem in problems):
        headers.append("Retry-After")
    if any(problem.status == 401 for problem in problems):
        headers.append("WWW-Authenticate")
    return {
        "description": "\n".join([f"{problems[0].title.en}.", "", *lines]),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {
            MEDIA_TYPE: {
                "schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, codes]},
                "examples": {
                    problem.code: {"$ref": f"#/components/examples/{problem.code}"}
                    for problem in problems
                },
            }
        },
    }
