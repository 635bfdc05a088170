"""A lean HTTP/1.1 client: it must cost less than what it measures."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from deploy.local.ports import LOOPBACK
from tests.performance.figures import BenchFailed


def post(path: str, body: bytes, token: str = "", traceparent: str = "") -> bytes:
    """Return a whole POST request as it goes over the wire."""
    headers = [
        f"POST {path} HTTP/1.1",
        f"host: {LOOPBACK}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    if token:
        headers.append(f"authorization: Bearer {token}")
    if traceparent:
        headers.append(f"traceparent: {traceparent}")
    return "\r\n".join([*headers, "", ""]).encode() + body


class Connection:
    """One kept-alive connection; requests on it follow each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a port on this machine."""
        return cls(*await asyncio.open_connection(LOOPBACK, port))

    async def send(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer; raises BenchFailed unless it is 2xx."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        start = head.lower().index(b"content-length:") + len(b"content-length:")
        length = int(head[start : head.index(b"\r\n", start)])
        body = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 2"):
            raise BenchFailed(f"{head.split(maxsplit=2)[1].decode()}: {body[:500].decode()}")
        return body

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        await self._writer.wait_closed()


@dataclass(frozen=True, slots=True)
class Load:
    """What a load did: requests answered, in how many seconds, and how long each took."""

    requests: int
    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        """Return requests a second."""
        return self.requests / self.seconds


def _ignore(_: bytes) -> None:
    """Take an answer whose content does not matter."""


async def drive(
    port: int,
    requests: Iterator[bytes],
    connections: int,
    *,
    seconds_max: float = 60,
    heard: Callable[[bytes], None] = _ignore,
) -> Load:
    """Send the requests over so many connections, each with one under way, until all are answered.

    ``heard`` gets the body of each answer. No further request is begun after ``seconds_max``.
    """
    open_ones = [await Connection.open(port) for _ in range(connections)]
    latencies: list[float] = []
    began = time.perf_counter()

    async def work(connection: Connection) -> None:
        for request in requests:
            sent = time.perf_counter()
            heard(await connection.send(request))
            answered = time.perf_counter()
            latencies.append(answered - sent)
            if answered - began > seconds_max:
                return

    async with asyncio.TaskGroup() as group:
        for connection in open_ones:
            group.create_task(work(connection))
    seconds = time.perf_counter() - began
    for connection in open_ones:
        await connection.close()
    return Load(len(latencies), seconds, latencies)
