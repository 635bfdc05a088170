"""What follows from an attempt, for its message and for its receiver: pure functions."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.webhooks.delivery import schedule
from shared.webhooks.delivery.model import Claim, Stage, Strain
from shared.webhooks.delivery.sending import Answer, Fault
from shared.webhooks.model import Reason

GONE: Final = 410
FAILING_MAX: Final = timedelta(days=5)
GIVEN_UP_MAX: Final = 50
NO_STRAIN: Final = Strain()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a message stands now, and how its receiver does; ``disable`` says that it is enough."""

    stage: Stage
    due_at: datetime | None
    strain: Strain
    disable: Reason | None = None


def judge(claim: Claim, answer: Answer, now: datetime) -> Outcome:
    """Return what follows from an answer.

    A webhook is disabled by a 410, after five days without a success, and when fifty messages in a
    row were given up. A ping is tried once and says nothing about messages.
    """
    if claim.delivery.is_ping:
        return Outcome(_settled(answer), None, claim.strain)
    if answer.accepted:
        return Outcome(Stage.DELIVERED, None, NO_STRAIN)
    if answer.fault is Fault.EVENT_EXPIRED:  # no fault of the receiver
        return Outcome(Stage.FAILED, None, claim.strain)
    wait = schedule.asked(answer.retry_after, now)
    due_at = schedule.next_try(claim.delivery.tries + 1, now, wait)
    stage = Stage.FAILED if due_at is None else Stage.PENDING
    strain = _worse(claim.strain, answer, now, wait, given_up=due_at is None)
    return Outcome(stage, due_at, strain, _why_disabled(answer, strain, now))


def _settled(answer: Answer) -> Stage:
    return Stage.DELIVERED if answer.accepted else Stage.FAILED


def _worse(
    strain: Strain, answer: Answer, now: datetime, wait: timedelta | None, *, given_up: bool
) -> Strain:
    failures = strain.failures + 1
    return replace(
        strain,
        failures=failures,
        given_up=strain.given_up + given_up,
        failing_since=strain.failing_since or now,
        held_until=now + schedule.pause(failures, answer.status, wait),
    )


def _why_disabled(answer: Answer, strain: Strain, now: datetime) -> Reason | None:
    if answer.status == GONE:
        return Reason.GONE
    if strain.given_up >= GIVEN_UP_MAX:
        return Reason.GIVEN_UP
    if strain.failing_since is not None and now - strain.failing_since >= FAILING_MAX:
        return Reason.FAILING
    return None
