"""Answers of the server itself, to what never becomes a request: problems like any other."""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.http.problems import failure, language_of
from shared.ids import new_id
from shared.logs import logger

log = logger(__name__)

RETRY_AFTER: Final = b"1"

PROCESS: Final = CollectorRegistry()
"""Figures of the process: where several services share it, each of them shows the same."""
CONNECTIONS: Final = Gauge("pharos_process_connections", "Open connections.", registry=PROCESS)
REFUSED: Final = Counter(
    "pharos_process_connections_refused",
    "Connections that the server closed or refused, by the limit that they passed.",
    ("limit",),
    registry=PROCESS,
)

_PHRASES: Final = {
    400: b"Bad Request",
    408: b"Request Timeout",
    414: b"URI Too Long",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}

Headers = Sequence[tuple[bytes, bytes]]


def refusal(status: int, asked: Headers, more: Headers) -> bytes:
    """Return the whole answer: a problem in the language of the headers that came so far."""
    request_id = new_id().hex
    answer = failure(status, language_of(_accept_language(asked)), request_id)
    headers = [
        *more,
        *answer.raw_headers,
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    if status == 503:
        headers.append((b"retry-after", RETRY_AFTER))
    lines = [b"HTTP/1.1 %d %s" % (status, _PHRASES[status]), *_lines(headers), b"", b""]
    return b"\r\n".join(lines) + bytes(answer.body)


def count(limit: str) -> None:
    """Count a connection that passed this limit."""
    REFUSED.labels(limit).inc()
    log.debug("connection_refused", limit=limit)


def _accept_language(headers: Headers) -> str:
    found = (value for name, value in headers if name == b"accept-language")
    return next(found, b"").decode("latin-1")


def _lines(headers: Headers) -> Iterable[bytes]:
    return (name + b": " + value for name, value in headers)
