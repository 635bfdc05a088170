"""A wire to a server that can be held, throttled and cut: a small TCP proxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from deploy.local.ports import LOOPBACK

PIECE: Final = 16_384


class Wire:
    """Passes bytes between its port and a server's, as slowly as it is told, or not at all.

    ``passing`` cleared holds everything: connections stay open, new ones are taken, nothing comes
    through. ``bytes_per_second`` 0 is as fast as it goes.
    """

    def __init__(self, port: int) -> None:
        self.passing = asyncio.Event()
        self.passing.set()
        self.bytes_per_second = 0
        self.port = 0
        self._server_port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Break all connections off."""
        for writer in self._writers:
            writer.transport.abort()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection and pass on what comes, both ways, until either side ends."""
        there, back = await asyncio.open_connection(LOOPBACK, self._server_port)
        ends = {writer, back}
        self._writers |= ends
        ways = [
            asyncio.create_task(self._pass_on(reader, back)),
            asyncio.create_task(self._pass_on(there, writer)),
        ]
        self._tasks |= set(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._tasks -= set(ways)
        self._writers -= ends
        for end in ends:
            end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            await self.passing.wait()
            if self.bytes_per_second:
                await asyncio.sleep(len(piece) / self.bytes_per_second)
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def wired(port: int) -> AsyncIterator[Wire]:
    """Lend a wire to a port of this machine."""
    wire = Wire(port)
    server = await asyncio.start_server(wire.connect, LOOPBACK, 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.passing.set()
        wire.cut()
        await asyncio.sleep(0.05)
