"""Events in answers: CloudEvents 1.0 as structured JSON, for the description of the API."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from shared.fields import View


class CloudEventView(View):
    """An event of the log. `data` is as the AsyncAPI document has it for the `type`.

    What the caller may not read keeps its place: `withheld` is true and there is no `data`.
    """

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: UUID = Field(description="The id of what the event tells of.")
    time: datetime
    datacontenttype: Literal["application/json"]
    partition: int
    sequence: int = Field(description="The number in its partition of the log; dense.")
    previousid: UUID | None = Field(description="The event before it in its partition.")
    aggregateversion: int
    correlationid: UUID
    causationid: UUID | None
    origin: Literal["live", "import"]
    traceparent: str | None
    data: dict[str, Any] | None = None
    withheld: bool = False


class EventsView(View):
    """A stretch of the log, and where the log ends."""

    events: list[CloudEventView]
    head: int = Field(description="The number of the last event of the partition; 0 for none.")
    head_event_id: UUID | None
    partitions: int


class FactsView(View):
    """A page of a snapshot, and where the log ended when it was read."""

    facts: list[CloudEventView]
    next: UUID | None = Field(description="The `after` of the following page; null on the last.")
    head: int
    head_event_id: UUID | None
    partitions: int
