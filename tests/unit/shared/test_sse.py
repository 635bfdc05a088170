"""Server-Sent Events: how a message is written, and how a stream lives and ends."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from starlette.types import Message as AsgiMessage

from shared import clock
from shared.http.sse import ENDING, EventStream, Message


class Client:
    """The other end of a stream: takes what is sent, and may leave."""

    def __init__(self) -> None:
        self.ending = asyncio.Event()
        self.gone = asyncio.Event()
        self.comforted = asyncio.Event()
        """Set once three comments came."""
        self.taken: list[bytes] = []
        self.is_complete = False
        self.closings = 0

    async def take(self, stream: EventStream) -> bytes:
        """Take a stream to its end and return what came, without the head."""
        scope = {"type": "http", "extensions": {ENDING: self.ending}}
        await stream(scope, self._receive, self._send)
        return b"".join(self.taken).removeprefix(b"retry: 2000\n\n")

    def close(self) -> None:
        """Count that the stream was closed."""
        self.closings += 1

    async def _receive(self) -> AsgiMessage:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: AsgiMessage) -> None:
        if message["type"] == "http.response.body":
            self.taken.append(message["body"])
            if self.taken.count(b":\n\n") == 3:
                self.comforted.set()
            self.is_complete = not message["more_body"]


async def told(*messages: Message) -> AsyncGenerator[Message, None]:
    for message in messages:
        yield message


async def told_for_ever(client: Client, end: asyncio.Event) -> AsyncGenerator[Message, None]:
    try:
        yield Message(b"1", id="0:1")
        end.set()
        await asyncio.Event().wait()
    finally:
        client.close()


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (Message(b'{"name":"\xe7\x81\xaf"}'), b'data: {"name":"\xe7\x81\xaf"}\n\n'),
        (Message(b"1\n2", "moved", "0:7"), b"event: moved\nid: 0:7\ndata: 1\ndata: 2\n\n"),
        (Message(id="0:7"), b"id: 0:7\n\n"),
    ],
)
def test_a_message_is_written_as_the_standard_has_it(message: Message, written: bytes) -> None:
    assert message.encoded() == written


async def test_a_stream_ends_with_its_messages() -> None:
    client = Client()
    stream = EventStream(told(Message(b"1"), Message(b"2")), closing=client.close)
    assert await client.take(stream) == b"data: 1\n\ndata: 2\n\n"
    assert client.is_complete
    assert client.closings == 1


@pytest.mark.parametrize("way", ["ending", "gone"])
async def test_a_stream_ends_when_the_server_stops_or_the_client_leaves(way: str) -> None:
    client = Client()
    assert await client.take(EventStream(told_for_ever(client, getattr(client, way)))) == (
        b"id: 0:1\ndata: 1\n\n"
    )
    assert client.closings == 1


async def test_a_stream_that_is_out_of_time_tells_nothing() -> None:
    client = Client()
    until = clock.now() + timedelta(seconds=4)  # less than what it ends before
    assert await client.take(EventStream(told(Message(b"1")), until=until)) == b""
    assert client.is_complete


async def test_a_comment_is_sent_while_nothing_comes() -> None:
    client = Client()

    async def late() -> AsyncGenerator[Message, None]:
        await client.comforted.wait()
        yield Message(b"1")

    assert await client.take(EventStream(late(), heartbeat_seconds=0.01)) == (
        b":\n\n" * client.taken.count(b":\n\n") + b"data: 1\n\n"
    )


async def test_a_failure_of_the_source_ends_the_stream_and_is_not_hidden() -> None:
    client = Client()

    async def failing() -> AsyncGenerator[Message, None]:
        yield Message(b"1")
        raise LookupError

    with pytest.raises(LookupError):
        await client.take(EventStream(failing(), closing=client.close))
    assert not client.is_complete
    assert client.closings == 1
