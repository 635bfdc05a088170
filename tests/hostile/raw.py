"""A client that says exactly what a test wants it to say, as slowly and as much as it wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson

from deploy.local.ports import LOOPBACK

PATIENCE_SECONDS = 20.0
STREAM = "text/event-stream"
GONE = (ConnectionError, asyncio.IncompleteReadError)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body, which must be a well-formed problem of this answer."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = orjson.loads(self.body)
        assert found["status"] == self.status
        assert found["trace_id"] == self.headers["x-request-id"]
        assert found["code"]
        assert found["title"]
        assert found["detail"]
        return found


class Raw:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, *parts: bytes) -> None:
        """Send; whoever has been cut off notices when it listens."""
        with suppress(ConnectionError):
            self.writer.writelines(parts)
            await self.writer.drain()

    async def hear(self) -> Answer:
        """Return the next answer; of a stream only its beginning."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = (line.partition(": ") for line in head[1:] if line)
            headers = {name.lower(): value for name, _, value in pairs}
            if headers.get("content-type", "").startswith(STREAM):
                body = b""  # it has no end
            elif headers.get("transfer-encoding") == "chunked":
                body = await self._chunks()
            else:
                body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head[0].split(" ")[1]), headers, body)

    async def _chunks(self) -> bytes:
        body = bytearray()
        while length := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(length)
            await self.reader.readline()
        await self.reader.readline()
        return bytes(body)

    async def is_closed(self) -> bool:
        """Wait until the server has closed the connection; what still came is read."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await self.reader.read(65_536):
                    continue
        return self.reader.at_eof() or self.reader.exception() is not None


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Raw]:
    """Lend a connection to a port of this machine."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def request(path: str = "/", *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """Return a whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body and not any(line.lower().startswith("content-length") for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
