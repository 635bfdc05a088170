"""Deliveries in requests and answers."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.field_words import refuse
from shared.fields import NUMBER_MAX, Body, Instant, View
from shared.webhooks.delivery.commands import Replayed, Stretch
from shared.webhooks.delivery.model import Stage
from shared.webhooks.delivery.queries import Record
from shared.webhooks.delivery.sending import Fault

Number = Annotated[int, Field(strict=True, ge=0, le=NUMBER_MAX)]


class AttemptView(View):
    """One try: the status that came back with the beginning of its body, or the fault."""

    number: int
    began_at: datetime
    milliseconds: int
    status: int | None
    fault: Fault | None
    excerpt: str


class DeliveryView(View):
    """A message to a receiver. `message_id` is the id of its event, and the `webhook-id`.

    A message that is `pending` is tried (again) at `due_at`; `failed`: its last try has failed.
    """

    id: UUID
    message_id: UUID
    type: str
    partition: int | None
    number: int | None
    state: Stage
    made_at: datetime
    due_at: datetime | None
    settled_at: datetime | None
    attempts: list[AttemptView]

    @classmethod
    def of(cls, record: Record) -> "DeliveryView":
        """Return the view of a message with its attempts."""
        delivery, attempts = record
        return cls(
            id=delivery.id,
            message_id=delivery.message_id,
            type=delivery.type,
            partition=delivery.partition,
            number=delivery.number,
            state=delivery.stage,
            made_at=delivery.made_at,
            due_at=delivery.due_at,
            settled_at=delivery.settled_at,
            attempts=[
                AttemptView(
                    number=attempt.number,
                    began_at=attempt.began_at,
                    milliseconds=attempt.milliseconds,
                    status=attempt.status,
                    fault=None if attempt.fault is None else Fault(attempt.fault),
                    excerpt=attempt.excerpt,
                )
                for attempt in attempts
            ],
        )


class ReplayBody(Body):
    """A stretch of the log, by numbers or by the time in which they were given.

    Numbers behind `after` up to `until`; or those given from `since` on, before `before`.
    """

    partition: Annotated[int, Field(strict=True, ge=0, le=63)] = 0
    after: Number = 0
    until: Number = NUMBER_MAX
    since: Instant | None = None
    before: Instant | None = None

    @model_validator(mode="after")
    def _is_a_stretch(self) -> Self:
        named = {"after", "until", "since"} & self.model_fields_set
        if not named or (self.since is None) != (self.before is None):
            refuse("replay_without_bounds")
        return self

    def stretch(self) -> Stretch:
        """Return the stretch as the domain knows it."""
        return Stretch(self.partition, self.after, self.until, self.since, self.before)


class ReplayedView(View):
    """How many messages will be sent; `next` is the `after` of the call to go on with, or null."""

    messages: int
    next: int | None

    @classmethod
    def of(cls, replayed: Replayed) -> "ReplayedView":
        """Return the view of what will be sent."""
        return cls(messages=replayed.messages, next=replayed.next)
