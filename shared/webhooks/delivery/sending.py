"""One attempt: a message is posted once, within bounds of time and size, and the answer kept."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

import httpcore
import httpx

from shared import clock
from shared.errors import Invalid
from shared.webhooks.delivery.network import (
    AddressRefused,
    CheckedBackend,
    NameUnresolved,
    Resolver,
    SystemResolver,
)
from shared.webhooks.endpoints import Reach, check

CONNECTIONS_MAX: Final = 200
KEEP_ALIVE_SECONDS: Final = 5.0
READ_BYTES_MAX: Final = 4_096
EXCERPT_LENGTH_MAX: Final = 1_000


class Fault(StrEnum):
    """Why there is no answer."""

    TIMED_OUT = "timed_out"
    NAME_UNRESOLVED = "name_unresolved"
    ADDRESS_REFUSED = "address_refused"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    ANSWER_UNREADABLE = "answer_unreadable"
    EVENT_EXPIRED = "event_expired"


@dataclass(slots=True)
class Answer:
    """What came back: a status with the beginning of its body, or the fault in its place."""

    status: int | None = None
    fault: Fault | None = None
    excerpt: str = ""
    retry_after: str | None = None
    milliseconds: int = 0

    @property
    def accepted(self) -> bool:
        """Tell whether the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Posts messages. Redirects are not followed, no proxy is used, cookies are not kept.

    ``seconds`` bounds an attempt as a whole, from the question for the name to what is read of the
    answer. The connection is kept for the next message to the same receiver.
    """

    def __init__(
        self,
        reach: Reach,
        seconds: float,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reach = reach
        self._seconds = seconds
        self._system = SystemResolver()
        self._resolve = resolve or self._system
        self._tls = tls

    @cached_property
    def _pool(self) -> httpcore.AsyncConnectionPool:
        # Made with the first message: most services have no webhooks, and certificates take long.
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls or httpx.create_ssl_context(),
            max_connections=CONNECTIONS_MAX,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=CheckedBackend(self._reach.networks, self._resolve),
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a message once; whatever happens outside is the answer."""
        began = clock.monotonic()
        answer = Answer()
        try:
            check(url, self._reach)  # the setting may be stricter than when the webhook was made
            async with asyncio.timeout(self._seconds):
                await self._post(url, headers, body, answer)
        except (TimeoutError, httpcore.TimeoutException):
            answer.fault = Fault.TIMED_OUT
        except NameUnresolved:
            answer.fault = Fault.NAME_UNRESOLVED
        except (AddressRefused, Invalid):
            answer.fault = Fault.ADDRESS_REFUSED
        except httpcore.ConnectError as error:
            answer.fault = _why_not_connected(error)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            answer.fault = Fault.ANSWER_UNREADABLE
        if answer.status is not None:  # what is cut off behind the status changes nothing
            answer.fault = None
        answer.milliseconds = int((clock.monotonic() - began) * 1_000)
        return answer

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes, into: Answer) -> None:
        sent: list[tuple[bytes | str, bytes | str]] = [("Host", urlsplit(url).netloc)]
        sent += headers.items()
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            into.status = response.status
            into.retry_after = _header(response, b"retry-after")
            read = b""
            async for chunk in response.aiter_stream():
                read += chunk
                into.excerpt = _text(read)
                if len(read) >= READ_BYTES_MAX:
                    break

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
        self._system.close()


def _why_not_connected(error: httpcore.ConnectError) -> Fault:
    # httpcore says in its first argument what it was made of.
    tls = bool(error.args) and isinstance(error.args[0], ssl.SSLError)
    return Fault.TLS_FAILED if tls else Fault.CONNECTION_FAILED


def _header(response: httpcore.Response, wanted: bytes) -> str | None:
    found = [value for name, value in response.headers if name.lower() == wanted]
    return found[0].decode("latin-1") if found else None


def _text(read: bytes) -> str:
    """Return the beginning of a body as text that can be stored and shown."""
    text = read[:READ_BYTES_MAX].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in text)[:EXCERPT_LENGTH_MAX]
