"""A continuous pull: messages of one stream partition, in order, from a stream sequence on.

The JetStream consumer behind it lives in memory and knows nothing: the watermark in Postgres
says how far we are, so nothing is acknowledged and a lost consumer is simply made again.
"""

import asyncio
import contextlib
from collections import deque

import nats
import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared import clock
from shared.events.broker import Broker, BrokerUnavailable, Stream
from shared.events.envelope import Event, UnreadableEvent, from_headers
from shared.ids import new_id
from shared.logs import logger

log = logger(__name__)

REQUEST = 1_000
EXPIRES_SECONDS = 30
HEARTBEAT_SECONDS = 2
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
INACTIVE_SECONDS = 60
_NANO = 1_000_000_000


class Pull:
    """Keeps up to a thousand messages on their way, so that a reader never waits for a fetch."""

    def __init__(self, broker: Broker, source: str, partition: int, stream: Stream) -> None:
        self._broker = broker
        self._stream = broker.stream_of(source)
        self.created = stream.created
        self.held = stream.last
        """The stream's last sequence when we came: what it held by then may be out of date."""
        self._name = f"reader-{new_id().hex}"
        self._place = f"{source}.{partition}"
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._outstanding = 0
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._heard = clock.monotonic()
        self._broken = False
        self._forget = broker.on_reconnect(self._break)

    @classmethod
    async def open(
        cls, broker: Broker, source: str, partition: int, after: tuple[int, str] | None
    ) -> "Pull":
        """Start behind ``after`` (stream sequence, creation of the stream that counted it).

        A stream of another creation is read from its start, one that has lost its end from there
        on; the reader drops what it knows and finds elsewhere what is missing.
        """
        stream = await broker.ensure_stream(source)
        start = 1
        if after is not None and after[1] == stream.created:
            start = min(after[0], stream.last) + 1
        pull = cls(broker, source, partition, stream)
        try:
            await pull._begin(f"{broker.installation}.{pull._place}.>", start)
        except BaseException:
            await pull.close()
            raise
        return pull

    async def _begin(self, subject: str, start: int) -> None:
        config: dict[str, object] = {
            "name": self._name,
            "ack_policy": "none",
            "replay_policy": "instant",
            "filter_subject": subject,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": INACTIVE_SECONDS * _NANO,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start,
        }
        await self._broker.call(
            f"CONSUMER.CREATE.{self._stream}.{self._name}.{subject}",
            {"stream_name": self._stream, "config": config, "action": "create"},
        )
        client = self._broker.client()
        self._inbox = client.new_inbox()
        self._subscription = await client.subscribe(
            self._inbox, cb=self._on_message, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        self._heard = clock.monotonic()
        await self._request()

    async def _request(self) -> None:
        self._outstanding += REQUEST
        body = {
            "batch": REQUEST,
            "expires": EXPIRES_SECONDS * _NANO,
            "idle_heartbeat": HEARTBEAT_SECONDS * _NANO,
        }
        await self._broker.client().publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            orjson.dumps(body),
            reply=self._inbox,
        )

    async def _on_message(self, message: Msg) -> None:
        self._heard = clock.monotonic()
        # Only what comes out of the stream has this address for an answer. Headers say nothing:
        # whoever may publish writes what they like into them.
        if message.reply.startswith("$JS.ACK."):
            self._outstanding -= 1
            # Read as it comes, while the reader still waits for its database.
            if (event := self._event(message)) is not None:
                self._events.append(event)
            self._arrived.set()
            return
        status = message.headers.get("Status") if message.headers else None
        if status in {"404", "408"}:
            self._outstanding = 0
            with contextlib.suppress(BrokerUnavailable, nats.errors.Error):
                await self._request()
        elif status is not None and status != "100":
            self._break()

    def _break(self) -> None:
        self._broken = True
        self._arrived.set()

    async def take(self, limit: int, seconds: float) -> list[Event]:
        """Return up to ``limit`` events, those that are there; none after ``seconds`` of silence.

        Raises BrokerUnavailable when the pull is broken and has to be opened again.
        """
        if not self._events:
            self._arrived.clear()
            self._check()
            await clock.within(seconds, self._arrived)
            self._check()
        taken = [self._events.popleft() for _ in range(min(limit, len(self._events)))]
        if self._outstanding + len(self._events) <= REQUEST // 2:
            await self._request()
        return taken

    def _check(self) -> None:
        silent = clock.monotonic() - self._heard > SILENCE_SECONDS
        if self._broken or (silent and not self._events):
            raise BrokerUnavailable

    async def close(self) -> None:
        """Stop listening and let the consumer on the broker go."""
        self._forget()
        if self._subscription is not None and self._broker.connected:
            with contextlib.suppress(nats.errors.Error, BrokerUnavailable):
                await self._subscription.unsubscribe()
                await self._broker.call(f"CONSUMER.DELETE.{self._stream}.{self._name}", {})

    def _event(self, message: Msg) -> Event | None:
        """Return the event; None when its envelope is unreadable or names another place.

        The gap that it leaves is filled from the feed.
        """
        # "$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.…", or longer with a domain.
        tokens = message.reply.split(".")
        sequence = int(tokens[5] if len(tokens) <= 9 else tokens[7])
        try:
            event = from_headers(message.headers or {}, message.data, sequence)
        except UnreadableEvent as error:
            log.warning("envelope_unreadable", subject=message.subject, error=str(error))
            return None
        return event if f"{event.source}.{event.partition}" == self._place else None
