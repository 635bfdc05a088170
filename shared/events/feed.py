"""The feed's reader: fetches a source's numbered events over HTTP when the broker lost some."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson

from shared.auth.client import TokenSource
from shared.errors import Unavailable
from shared.events.envelope import Event, from_structured
from shared.events.parking import decode
from shared.events.snapshot import Stretch, Tip

TIMEOUT_SECONDS = 5.0
SNAPSHOT_PAGE = 500


class FeedUnavailable(Unavailable):
    """A source's feed is away; whoever asked waits and asks again."""

    en = "The event feed of {source} does not answer: {reason}."
    zh = "{source} 的事件流没有响应：{reason}。"


class FeedTooShort(Exception):
    """The source has dropped events that this reader never saw."""


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a source's log, its present head, and how many partitions the source has."""

    events: Sequence[Event]
    head: int
    head_event_id: UUID | None
    partitions: int


class FeedClient:
    """Reads the feeds of the other services with this service's own token."""

    def __init__(
        self, client: httpx.AsyncClient, tokens: TokenSource, feeds: dict[str, str]
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._feeds = feeds

    async def read(self, source: str, partition: int, after: int, limit: int) -> Page:
        """Return the events behind ``after``.

        Raises FeedUnavailable when the source does not answer and FeedTooShort when it no longer
        keeps the next number.
        """
        asked: dict[str, str | int] = {"partition": partition, "after": after, "limit": limit}
        answer = await self._ask(source, "events", asked)
        if answer.status_code == httpx.codes.GONE:
            raise FeedTooShort(f"{source} no longer keeps event {after + 1}.")
        document = _document(source, answer)
        events = [from_structured(event) for event in document["events"]]
        return Page(
            events, document["head"], _id(document.get("head_event_id")), document["partitions"]
        )

    async def snapshot(self, source: str, name: str, partition: int, after: UUID) -> Stretch:
        """Return the present facts of the source's next subjects, decoded.

        Raises FeedUnavailable when the source does not answer or withholds them, and
        UnreadableContent or UnknownContract for what this release cannot read.
        """
        asked: dict[str, str | int] = {
            "partition": partition,
            "after": str(after),
            "limit": SNAPSHOT_PAGE,
        }
        document = _document(source, await self._ask(source, f"snapshots/{name}", asked))
        events = [from_structured(fact) for fact in document["facts"]]
        if any(event.data is None for event in events):
            reason = "it withholds what this service must read; give its client the role"
            raise FeedUnavailable(source=source, reason=reason)
        return Stretch(
            source,
            partition,
            Tip(document["head"], _id(document["head_event_id"])),
            after,
            _id(document["next"]),
            [decode(event) for event in events],
        )

    async def _ask(self, source: str, path: str, asked: dict[str, str | int]) -> httpx.Response:
        answer = await self._get(source, path, asked)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._tokens.forget()
            answer = await self._get(source, path, asked)
        return answer

    async def _get(self, source: str, path: str, asked: dict[str, str | int]) -> httpx.Response:
        if source not in self._feeds:  # a process that only answers requests may do without
            raise FeedUnavailable(source=source, reason="PHAROS_FEEDS does not name it")
        try:
            return await self._client.get(
                f"{self._feeds[source]}/v1/{path}",
                params=asked,
                headers={"Authorization": f"Bearer {await self._tokens.token()}"},
                timeout=TIMEOUT_SECONDS,
            )
        except httpx.HTTPError as error:
            raise FeedUnavailable(source=source, reason=repr(error)) from error


def _document(source: str, answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise FeedUnavailable(source=source, reason=f"status {answer.status_code}")
    document: dict[str, Any] = orjson.loads(answer.content)
    return document


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None
