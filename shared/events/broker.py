"""The broker port: NATS as a fast, disposable carrier, behind the few calls that we need."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import nats
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from shared import clock
from shared.errors import Unavailable
from shared.events.envelope import Event, subject_of, to_headers
from shared.failpoints import reach
from shared.logs import logger
from shared.tasks import end

log = logger(__name__)

PUBLISH_TIMEOUT_SECONDS = 5.0
CALL_TIMEOUT_SECONDS = 3.0
CLOSE_SECONDS = 2.0
WINDOW = 1_000
STREAM_MAX_BYTES = 256 << 20
STREAM_MAX_AGE_SECONDS = 7 * 86_400
# The library's signature wants whole seconds; it takes parts of them as well.
_CONNECTION: Final[dict[str, Any]] = {
    "max_reconnect_attempts": -1,
    "reconnect_time_wait": 0.2,
    "ping_interval": 10,
    "max_outstanding_pings": 2,
    "connect_timeout": 2,
    # Hints are for other replicas: whoever sends one knows it already.
    "no_echo": True,
}


class BrokerUnavailable(Unavailable):
    """The broker is away or did not acknowledge in time; the log keeps what was to be sent."""

    en = "The message broker does not answer; events wait in the log."
    zh = "消息中间件未响应，事件保留在日志中等待发送。"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as it stands.

    The moment of creation tells a wiped store from the one that we knew, the last sequence one
    that has lost its end from one that has not.
    """

    created: str
    last: int


@dataclass(slots=True)
class _Window:
    """Publications in flight that are acknowledged together."""

    missing: int
    refusal: str = ""
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class Broker:
    """One connection to NATS that comes back by itself and never holds up an API."""

    def __init__(self, url: str, installation: str, name: str) -> None:
        self._url = url
        self._name = name
        self.installation = installation
        self._client: Client | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._inbox = ""
        self._windows: dict[int, _Window] = {}
        self._token = 0
        self._reconnected: list[Callable[[], None]] = []

    @property
    def connected(self) -> bool:
        """Tell whether the connection stands right now."""
        return self._client is not None and self._client.is_connected

    def start(self) -> None:
        """Begin to connect in the background, for as long as it takes."""
        self._connecting = asyncio.create_task(self._connect(), name="broker-connect")

    async def close(self) -> None:
        """Close the connection; what is not sent yet stays in the log."""
        if self._connecting is not None:
            await end([self._connecting])
        if self._client is not None:
            with contextlib.suppress(TimeoutError, nats.errors.Error):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._client.close()

    async def _connect(self) -> None:
        while True:
            client = Client()
            try:
                await client.connect(
                    self._url,
                    name=self._name,
                    error_cb=self._on_error,
                    reconnected_cb=self._on_reconnect,
                    **_CONNECTION,
                )
                break
            except asyncio.CancelledError:
                # Nobody else knows of a connection that is half made.
                await client.close()
                raise
            except (OSError, nats.errors.Error, TimeoutError) as error:
                log.warning("broker_away", error=repr(error))
                await clock.pause(1)
        self._client = client
        self._inbox = client.new_inbox()
        await client.subscribe(f"{self._inbox}.*", cb=self._on_acknowledge)
        await self._on_reconnect()

    async def _on_error(self, error: Exception) -> None:
        log.warning("broker_error", error=repr(error))

    async def _on_reconnect(self) -> None:
        for callback in self._reconnected:
            callback()

    def on_reconnect(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after each (re)connection; returns the call that ends it."""
        self._reconnected.append(callback)
        return lambda: self._reconnected.remove(callback)

    def client(self) -> Client:
        """Return the standing connection; raises BrokerUnavailable."""
        if self._client is None or not self._client.is_connected:
            raise BrokerUnavailable
        return self._client

    def stream_of(self, source: str) -> str:
        """Return the name of a source's stream."""
        return f"{self.installation}_{source}"

    async def ensure_stream(self, source: str) -> Stream:
        """Make the stream of a source if it is not there; return how it stands."""
        jetstream = self.client().jetstream(timeout=CALL_TIMEOUT_SECONDS)
        name = self.stream_of(source)
        try:
            try:
                info = await jetstream.stream_info(name)
            except NotFoundError:
                with contextlib.suppress(BadRequestError):  # another process was faster
                    await jetstream.add_stream(self._stream(source))
                info = await jetstream.stream_info(name)
        except (nats.errors.Error, OSError) as error:
            log.warning("stream_away", stream=name, error=repr(error))
            raise BrokerUnavailable from error
        return Stream(str(info.created), info.state.last_seq)

    def _stream(self, source: str) -> StreamConfig:
        # The broker reserves the bytes, so a stream asks for what a fast carrier needs, no more.
        return StreamConfig(
            name=self.stream_of(source),
            subjects=[f"{self.installation}.{source}.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            max_bytes=STREAM_MAX_BYTES,
            max_age=STREAM_MAX_AGE_SECONDS,
            duplicate_window=120,
        )

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish in order, many in flight; returns when the stream has every one of them.

        Raises BrokerUnavailable when an acknowledgement is missing after five seconds; the same
        events may then be published again, since the stream and the readers drop repetitions.
        """
        for start in range(0, len(events), WINDOW):
            await self._publish_window(events[start : start + WINDOW])

    async def _publish_window(self, events: Sequence[Event]) -> None:
        client = self.client()
        window = _Window(len(events))
        first = self._token + 1
        self._token += len(events)
        tokens = range(first, first + len(events))
        self._windows.update(dict.fromkeys(tokens, window))
        try:
            for token, event in zip(tokens, events, strict=True):
                await client.publish(
                    subject_of(self.installation, event),
                    (event.data or "").encode(),
                    reply=f"{self._inbox}.{token}",
                    headers=to_headers(event),
                )
            await reach("broker.sent")
            settled = await clock.within(PUBLISH_TIMEOUT_SECONDS, window.settled)
        except (nats.errors.Error, OSError) as error:
            raise BrokerUnavailable from error
        finally:
            for token in tokens:
                self._windows.pop(token, None)
        if window.refusal or not settled:
            log.warning("publish_refused", reason=window.refusal or "no answer")
            raise BrokerUnavailable

    async def _on_acknowledge(self, message: Msg) -> None:
        window = self._windows.pop(int(message.subject.rpartition(".")[2]), None)
        if window is None:
            return
        if b'"error"' in message.data or not message.data:
            window.refusal = message.data.decode() or "no stream listens on the subject"
        window.missing -= 1
        if window.missing == 0 or window.refusal:
            window.settled.set()

    async def tell(self, topic: str, text: str) -> None:
        """Send a core message that nobody stores: a hint, lost without harm."""
        if self.connected:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self.client().publish(f"{self.installation}-{topic}", text.encode())

    async def hear(self, topic: str, callback: Callable[[str], None]) -> None:
        """Call back with the text of each hint on a topic, as long as the connection lives."""

        async def heard(message: Msg) -> None:
            callback(message.data.decode())

        await self.client().subscribe(f"{self.installation}-{topic}", cb=heard)

    async def call(self, subject: str, body: dict[str, object]) -> dict[str, object]:
        """Call the JetStream API; raises BrokerUnavailable when it refuses or does not answer."""
        try:
            answer = await self.client().request(
                f"$JS.API.{subject}", orjson.dumps(body), timeout=CALL_TIMEOUT_SECONDS
            )
        except (nats.errors.Error, OSError) as error:
            raise BrokerUnavailable from error
        document: dict[str, object] = orjson.loads(answer.data)
        if "error" in document:
            log.warning("broker_refused", subject=subject, error=document["error"])
            raise BrokerUnavailable
        return document
