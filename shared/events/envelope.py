"""The envelope: CloudEvents 1.0, in binary mode on the broker and structured in the feed."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.context import Context, Origin
from shared.contracts.contract import Contract, decode
from shared.errors import Invalid


class UnreadableEvent(Invalid):
    """An envelope that lacks an attribute or carries nonsense in one."""

    en = "The event cannot be read: {reason}."
    zh = "无法读取该事件：{reason}。"


@dataclass(frozen=True, slots=True)
class Event:
    """One numbered event of a source's log.

    ``number`` is dense per source and partition; ``previous_id`` links to the number before.
    ``data`` is the payload as it was written; ``content`` is set once it has been decoded. A
    withheld event (``data`` None) keeps its place so that numbers stay dense.
    """

    id: UUID
    source: str
    partition: int
    number: int
    previous_id: UUID | None
    type: str
    subject: UUID
    version: int
    time: datetime
    correlation_id: UUID
    causation_id: UUID | None
    origin: Origin
    traceparent: str | None
    data: str | None
    content: Contract | None = None
    stream_sequence: int | None = None

    def decoded(self) -> "Event":
        """Return the event with its content; raises UnknownContract or a validation error."""
        if self.data is None:
            raise UnreadableEvent(reason="its content was withheld")
        return replace(self, content=decode(self.type, self.data))

    def context(self, ctx: Context) -> Context:
        """Return the context of what is done in answer to this event."""
        return replace(
            ctx,
            correlation_id=self.correlation_id,
            causation_id=self.id,
            origin=self.origin,
            traceparent=self.traceparent,
            asked=None,
        )


def subject_of(installation: str, event: Event) -> str:
    """Return the broker subject: ``<installation>.<source>.<partition>.<type>``."""
    return f"{installation}.{event.source}.{event.partition}.{event.type}"


def to_headers(event: Event) -> dict[str, str]:
    """Return the envelope as broker headers; the payload is the message itself."""
    headers = {
        "Nats-Msg-Id": str(event.id),
        "ce-specversion": "1.0",
        "ce-id": str(event.id),
        "ce-source": event.source,
        "ce-type": event.type,
        "ce-subject": str(event.subject),
        "ce-time": event.time.isoformat(),
        "ce-partition": str(event.partition),
        "ce-sequence": str(event.number),
        "ce-aggregateversion": str(event.version),
        "ce-correlationid": str(event.correlation_id),
        "ce-origin": event.origin.value,
        "content-type": "application/json",
    }
    if event.previous_id is not None:
        headers["ce-previousid"] = str(event.previous_id)
    if event.causation_id is not None:
        headers["ce-causationid"] = str(event.causation_id)
    if event.traceparent is not None:
        headers["traceparent"] = event.traceparent
    return headers


def from_headers(headers: dict[str, str], data: bytes, stream_sequence: int | None) -> Event:
    """Return the event of a broker message; raises UnreadableEvent."""
    return _event(
        {
            "id": headers.get("ce-id"),
            "source": headers.get("ce-source"),
            "type": headers.get("ce-type"),
            "subject": headers.get("ce-subject"),
            "time": headers.get("ce-time"),
            "partition": headers.get("ce-partition"),
            "sequence": headers.get("ce-sequence"),
            "previousid": headers.get("ce-previousid"),
            "aggregateversion": headers.get("ce-aggregateversion"),
            "correlationid": headers.get("ce-correlationid"),
            "causationid": headers.get("ce-causationid"),
            "origin": headers.get("ce-origin"),
            "traceparent": headers.get("traceparent"),
        },
        data.decode(errors="surrogateescape"),
        stream_sequence,
    )


def to_structured(event: Event) -> dict[str, Any]:
    """Return the event as a CloudEvents JSON object; without ``data`` when it is withheld."""
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "datacontenttype": "application/json",
        "partition": event.partition,
        "sequence": event.number,
        "previousid": event.previous_id,
        "aggregateversion": event.version,
        "correlationid": event.correlation_id,
        "causationid": event.causation_id,
        "origin": event.origin.value,
        "traceparent": event.traceparent,
    }
    if event.data is not None:
        document["data"] = orjson.Fragment(event.data)
    else:
        document["withheld"] = True
    return document


def from_structured(document: dict[str, Any]) -> Event:
    """Return the event of a CloudEvents JSON object; raises UnreadableEvent."""
    data = None if document.get("withheld") else orjson.dumps(document.get("data")).decode()
    return _event(document, data, None)


def _event(fields: dict[str, Any], data: str | None, stream_sequence: int | None) -> Event:
    try:
        return Event(
            id=UUID(fields["id"]),
            source=fields["source"],
            partition=int(fields["partition"]),
            number=int(fields["sequence"]),
            previous_id=_id(fields.get("previousid")),
            type=fields["type"],
            subject=UUID(fields["subject"]),
            version=int(fields["aggregateversion"]),
            time=datetime.fromisoformat(fields["time"]),
            correlation_id=UUID(fields["correlationid"]),
            causation_id=_id(fields.get("causationid")),
            origin=Origin(fields["origin"]),
            traceparent=fields.get("traceparent"),
            data=data,
            stream_sequence=stream_sequence,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableEvent(reason=repr(error)) from error


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None
