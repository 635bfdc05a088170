"""A receiver: a server on a socket of its own, which answers as a test wants it to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from standardwebhooks import Webhook

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Message:
    """A request as it came, and the requests that were under way then."""

    target: str
    headers: dict[str, str]
    body: bytes
    beside: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self.body)
        return event

    def verify(self, secret: str) -> None:
        """Read the body with the standard's own library; raises when it is not genuine."""
        assert Webhook(secret).verify(self.body, self.headers) == self.event


@dataclass
class Receiver:
    """What was received, and what is answered: ``answers`` in turn, then ``usual``."""

    port: int = 0
    scheme: str = "http"
    received: list[Message] = field(default_factory=list)
    answers: list[Behaviour] = field(default_factory=list)
    usual: Behaviour = field(default_factory=lambda: status(204))
    under_way: int = 0

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.received]

    @property
    def names(self) -> list[str]:
        return [message.event["data"]["name"] for message in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                await self._answer(await self._read(reader), writer)
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Message:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        return Message(request.split(" ")[1], headers, body, self.under_way)

    async def _answer(self, message: Message, writer: asyncio.StreamWriter) -> None:
        self.received.append(message)
        self.under_way += 1
        try:
            await (self.answers.pop(0) if self.answers else self.usual)(writer)
        finally:
            self.under_way -= 1


def status(code: int, *headers: str, body: str = "") -> Behaviour:
    """Answer with a status."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        content = body.encode()
        lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(content)}", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()

    return answer


async def silence(_: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await asyncio.sleep(3_600)


async def cut(writer: asyncio.StreamWriter) -> None:
    """Close the connection instead of answering."""
    writer.close()


async def nonsense(writer: asyncio.StreamWriter) -> None:
    """Answer with something that is no HTTP."""
    writer.write(b"\x00\xff this is not HTTP\r\n\r\n")
    await writer.drain()
    writer.close()


def endless(code: int = 200, *, pause: float = 0) -> Behaviour:
    """Answer with a body that has no end, at once or in drops."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {code} X\r\nContent-Length: 1000000000000\r\n\r\n".encode())
        with suppress(ConnectionError):
            while True:
                writer.write(b"x" if pause else b"x" * 65_536)
                await writer.drain()
                await asyncio.sleep(pause)

    return answer


@asynccontextmanager
async def receiving(
    tls: ssl.SSLContext | None = None, answers: Sequence[Behaviour] = ()
) -> AsyncIterator[Receiver]:
    """Run a receiver on a port of its own."""
    receiver = Receiver(scheme="http" if tls is None else "https", answers=list(answers))
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in set(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
