"""Server-Sent Events: an answer that stays open and tells what comes (WHATWG HTML, 9.2).

These lines are ours because of how a stream ends, which is most of what there is to it: at the stop
of the server that it came by (a library has to patch uvicorn for that, once for the process), at
the end of the caller's token, at a client that does not read, and when the client has gone.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared import clock

MEDIA_TYPE: Final = "text/event-stream"
HEARTBEAT_SECONDS: Final = 15.0
SEND_SECONDS_MAX: Final = 20.0
RETRY_MILLISECONDS: Final = 2_000
EARLY_SECONDS: Final = 5
"""How long before the end of the caller's token a stream ends."""

ENDING: Final = "pharos.ending"
"""The ASGI extension that holds the event which a server sets when it is about to stop."""


def _nothing_more() -> None:
    """Stand for a step that is not there."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event of a stream: its name, its data (JSON, in UTF-8), and the place behind it.

    Without ``data`` only the place moves: the client keeps it and hears of nothing.
    """

    data: bytes | None = None
    event: str | None = None
    id: str | None = None

    def encoded(self) -> bytes:
        """Return the message as it is written on the stream."""
        lines = []
        if self.event is not None:
            lines.append(f"event: {self.event}".encode())
        if self.id is not None:
            lines.append(f"id: {self.id}".encode())
        if self.data is not None:
            lines += [b"data: " + line for line in self.data.split(b"\n")]
        return b"\n".join(lines) + b"\n\n"


class EventStream(Response):
    """Sends the messages as they come, and a comment whenever there was none for a while.

    Ends by itself when ``messages`` do, shortly before ``until``, when the server stops, and when
    the client has gone or has not read for 20 seconds; ``closing`` is called in every case.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        messages: AsyncGenerator[Message, None],
        *,
        until: datetime | None = None,
        closing: Callable[[], None] = _nothing_more,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        # A proxy that collects an answer before it passes it on would hold back every event.
        unkept = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        self.status_code = 200
        self.background = None
        self.body = b""
        self.init_headers({**unkept, **headers})
        del self.headers["content-length"]
        self._messages = messages
        self._until = until
        self._closing = closing
        self._heartbeat = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream to its end."""
        ending: asyncio.Event = scope.get("extensions", {}).get(ENDING) or asyncio.Event()
        ends = {asyncio.create_task(_gone(receive)), asyncio.create_task(_set(ending))}
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
            await _write(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            await self._tell(send, ends)
            await _write(send, b"", more=False)
        except (TimeoutError, OSError, ClientDisconnect):
            return  # whoever does not read may come back and go on
        finally:
            self._closing()
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            await self._messages.aclose()

    async def _tell(self, send: Send, ends: "set[asyncio.Task[None]]") -> None:
        coming: asyncio.Task[Message | None] | None = None
        try:
            while (seconds := self._seconds_left()) > 0:
                coming = coming or asyncio.create_task(anext(self._messages, None))
                await asyncio.wait(
                    {coming, *ends},
                    timeout=min(seconds, self._heartbeat),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if any(end.done() for end in ends):
                    return
                if not coming.done():
                    await _write(send, b":\n\n")
                    continue
                message, coming = coming.result(), None
                if message is None:
                    return
                await _write(send, message.encoded())
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    def _seconds_left(self) -> float:
        if self._until is None:
            return float("inf")
        return (self._until - clock.now()).total_seconds() - EARLY_SECONDS


async def _write(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_SECONDS_MAX):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _set(event: asyncio.Event) -> None:
    await event.wait()
