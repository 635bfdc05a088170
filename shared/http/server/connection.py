"""A connection within bounds: uvicorn's own, which has no limit of size or time but keep-alive."""

import asyncio
from typing import Any, ClassVar, Final, cast

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from shared.http.server import gate as gates
from shared.http.server.gate import Gate
from shared.http.server.guard import Guard, Phase
from shared.http.server.refusals import count, refusal
from shared.settings import ServerSettings

LINGER_SECONDS: Final = 5
"""How long bytes are dropped that nobody waits for, so that the client can read its answer."""
DROPPED_BYTES_MAX: Final = 16_777_216
PIPELINED_MAX: Final = 32
"""Requests that a client may send before the first of them is answered."""


class _OverLimit(Exception):
    """Leaves the parser when a request has passed a limit."""


class Connection(HttpToolsProtocol):
    """Reads requests within limits; ``guard`` looks at the time that each phase takes.

    What is under way is described by what is being *read*: an answer may still be made meanwhile.
    """

    guard: ClassVar[Guard]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.phase = Phase.SILENT
        self.since = self.loop.time()
        self._limits = self.guard.limits
        self._read = 0
        self._header_bytes = 0
        self._dropped = 0
        self._refused = (400, "malformed")
        self._stalled: float | None = None
        self._closing: float | None = None

    @property
    def answering(self) -> bool:
        """Whether a request is under way."""
        return self.phase is Phase.BODY or self._busy

    @property
    def _busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        return cycle is not None and not cycle.response_complete

    # What happens to the connection ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it where there are too many."""
        super().connection_made(transport)
        if not self.guard.admit(self):
            count("connections")
            self._enter(Phase.LEAVING)
            transport.write(refusal(503, (), self.server_state.default_headers))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.guard.dismiss(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection is refused already."""
        if self.phase is Phase.LEAVING:
            self._drop(len(data))
            return
        if self.phase is not Phase.BODY:
            if self.phase is not Phase.HEAD:
                self._enter(Phase.HEAD)
            self._read += len(data)
        super().data_received(data)
        # The parser keeps a header to itself until its end, which need never come.
        most = self._limits.url_limit_bytes + self._limits.header_limit_bytes
        if self.phase is Phase.HEAD and self._read > most and not self.transport.is_closing():
            self._refuse(431, "header_bytes")

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        self._stalled = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client reads on."""
        self._stalled = None
        super().resume_writing()

    # What the parser finds ------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self.phase is not Phase.HEAD:
            self._enter(Phase.HEAD)
        self._header_bytes = 0
        if len(self.pipeline) >= PIPELINED_MAX:
            raise self._over(400, "pipelined")
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        super().on_url(url)
        if len(self.url) > self._limits.url_limit_bytes:
            raise self._over(414, "url_bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those behind a body count, but say nothing to a request under way."""
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > self._limits.header_limit_bytes:
            raise self._over(431, "header_bytes")
        if self.phase is Phase.BODY:
            return
        if len(self.headers) >= self._limits.header_limit_count:
            raise self._over(431, "header_count")
        # Spaces around a value are none of it (RFC 9110, 5.5): who passes it on would stumble.
        super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        """Let the request begin, unless it does not say whom it is for (RFC 9112, section 3.2)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        says_none = not hosts and self.parser.get_http_version() != "1.0"
        if says_none or len(hosts) > 1 or b"" in hosts:
            raise self._over(400, "malformed")
        super().on_headers_complete()
        if self.expect_100_continue:
            # Whoever is answered before it was told to go on may send its body or not: what comes
            # next on the connection could be either.
            self.cycle.keep_alive = False
        self._enter(Phase.BODY)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; one that nobody reads any more is dropped, within bounds."""
        self._read += len(body)
        if self.cycle.response_complete:
            self._drop(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._enter(Phase.IDLE)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        if self.phase is Phase.BODY:
            self.since = self.loop.time()
        super().on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Let the app work on a request, unless the gate sends it away."""
        gate = self.guard.gate
        refused = None if gate is None else gate(cast("Scope", cycle.scope))
        if refused is None:
            super()._start_asgi_task(cycle, app)
            return
        more = self.server_state.default_headers
        scope = cast("Scope", cycle.scope)
        keep_alive = cycle.keep_alive and not self.expect_100_continue
        self.transport.write(gates.refusal(refused, scope, more, keep_alive=keep_alive))
        cycle.response_started = cycle.response_complete = True
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    # Limits ---------------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Close the connection if it has passed a limit of time."""
        spent = now - self.since
        if self._stalled is not None and now - self._stalled > self._limits.answer_seconds:
            self._abort("answer_seconds")
        elif self.phase is Phase.LEAVING:
            if spent > LINGER_SECONDS:
                self.cut()
        elif self.transport.is_closing():
            # What is left to be sent is never read, so the connection would never end.
            self._closing = now if self._closing is None else self._closing
            if now - self._closing > self._limits.answer_seconds:
                self._abort("answer_seconds")
        elif self.flow.read_paused:
            self.since = now  # it is we who do not read
        else:
            self._look_at_reading(spent)

    def _look_at_reading(self, spent: float) -> None:
        limits = self._limits
        if self.phase is Phase.SILENT:
            if spent > limits.header_seconds:
                self._abort("header_seconds")
        elif self.phase is Phase.HEAD:
            if spent > limits.header_seconds:
                self._refuse(408, "header_seconds")
        elif self.phase is Phase.BODY:
            if not self._busy:
                if spent > LINGER_SECONDS + self._dropped / limits.body_bytes_per_second:
                    self._abort("body_seconds")
            elif spent > limits.body_seconds + self._read / limits.body_bytes_per_second:
                self._refuse(408, "body_seconds")

    def cut(self) -> None:
        """Close the connection at once; an answer that is still being made goes nowhere."""
        if self._busy:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.abort()

    def _abort(self, limit: str) -> None:
        count(limit)
        self.cut()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words are not ours)
        """Refuse what the parser did not take, or what passed a limit in it."""
        self._refuse(*self._refused)

    def _over(self, status: int, limit: str) -> _OverLimit:
        self._refused = status, limit
        return _OverLimit(limit)

    def _refuse(self, status: int, limit: str) -> None:
        """Say why, take nothing more, and close when the client has read it.

        Closed at once, the answer would be lost with the bytes that are still on their way.
        """
        count(limit)
        reading_body = self.phase is Phase.BODY and not self.pipeline
        if self._busy and (not reading_body or self.cycle.response_started):
            self.cut()  # another answer is being written
            return
        if self._busy:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._enter(Phase.LEAVING)
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        more = self.server_state.default_headers
        self.transport.write(refusal(status, self.headers or [], more))
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _drop(self, count_of_bytes: int) -> None:
        self._dropped += count_of_bytes
        if self._dropped > DROPPED_BYTES_MAX:
            self.cut()

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.since = self.loop.time()
        self._read = 0


def limited(limits: ServerSettings, gate: Gate | None = None) -> type[Connection]:
    """Return the protocol of one server, with a gate before its app where there is one."""
    return type("LimitedConnection", (Connection,), {"guard": Guard(limits, gate)})
