"""What a delivery is: one message to one receiver, and the attempts to hand it over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.webhooks.model import Webhook


class Stage(StrEnum):
    """Where a message stands: to be tried, taken by the receiver, or given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for a receiver. ``message_id`` is the id of its event, and its ``webhook-id``.

    ``tries`` counts those of the present round, ``attempts`` all that ever were. A ping has a
    ``body`` of its own in place of a number in the log.
    """

    webhook_id: UUID
    id: UUID
    message_id: UUID
    type: str
    partition: int | None
    number: int | None
    body: str | None
    stage: Stage
    tries: int
    attempts: int
    made_at: datetime
    due_at: datetime | None
    settled_at: datetime | None

    @property
    def is_ping(self) -> bool:
        """Tell whether it only tries the receiver out."""
        return self.body is not None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand a message over: the status that came back, or the fault in its place."""

    number: int
    began_at: datetime
    milliseconds: int
    status: int | None
    fault: str | None
    excerpt: str


@dataclass(frozen=True, slots=True)
class Strain:
    """What went wrong with a receiver of late, and until when it is left alone.

    ``failures`` attempts in a row have failed, since ``failing_since``; of ``given_up`` messages in
    a row the last try has failed.
    """

    failures: int = 0
    given_up: int = 0
    failing_since: datetime | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one attempt: nobody else sends to this receiver until it runs out."""

    id: UUID
    webhook: Webhook
    delivery: Delivery
    strain: Strain
