"""What follows from an attempt, for its message and for its receiver."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id
from shared.webhooks.delivery import messages
from shared.webhooks.delivery.model import Claim, Delivery, Stage, Strain
from shared.webhooks.delivery.outcome import FAILING_MAX, GIVEN_UP_MAX, NO_STRAIN, judge
from shared.webhooks.delivery.sending import Answer, Fault
from shared.webhooks.model import Reason
from tests.unit.shared.webhooks.test_matching import EVENT, NOW, WEBHOOK

DELIVERY = Delivery(
    webhook_id=WEBHOOK.id,
    id=new_id(),
    message_id=EVENT.id,
    type=EVENT.type,
    partition=0,
    number=1,
    body=None,
    stage=Stage.PENDING,
    tries=0,
    attempts=0,
    made_at=NOW,
    due_at=NOW,
    settled_at=None,
)
TIRED = Strain(failures=3, given_up=2, failing_since=NOW - timedelta(days=1))


def claim(tries: int = 0, strain: Strain = TIRED) -> Claim:
    return Claim(new_id(), WEBHOOK, replace(DELIVERY, tries=tries), strain)


def test_a_success_forgets_what_went_wrong() -> None:
    outcome = judge(claim(), Answer(status=200), NOW)
    assert (outcome.stage, outcome.strain) == (Stage.DELIVERED, NO_STRAIN)


def test_a_failure_is_counted_since_the_first_of_its_row() -> None:
    outcome = judge(claim(), Answer(status=500), NOW)
    assert outcome.stage is Stage.PENDING
    assert (outcome.strain.failures, outcome.strain.given_up) == (4, 2)
    assert outcome.strain.failing_since == TIRED.failing_since
    assert judge(claim(strain=NO_STRAIN), Answer(status=500), NOW).strain.failing_since == NOW


def test_the_last_try_gives_a_message_up() -> None:
    outcome = judge(claim(tries=9), Answer(fault=Fault.TIMED_OUT), NOW)
    assert (outcome.stage, outcome.due_at) == (Stage.FAILED, None)
    assert outcome.strain.given_up == 3


@pytest.mark.parametrize(
    ("tries", "strain", "answer", "reason"),
    [
        (0, NO_STRAIN, Answer(status=410), Reason.GONE),
        (0, NO_STRAIN, Answer(status=404), None),
        (9, Strain(given_up=GIVEN_UP_MAX - 1), Answer(status=500), Reason.GIVEN_UP),
        (9, Strain(given_up=GIVEN_UP_MAX - 2), Answer(status=500), None),
        (8, Strain(given_up=GIVEN_UP_MAX - 1), Answer(status=500), None),
        (0, Strain(failing_since=NOW - FAILING_MAX), Answer(status=500), Reason.FAILING),
        (
            0,
            Strain(failing_since=NOW - FAILING_MAX + timedelta(seconds=1)),
            Answer(status=500),
            None,
        ),
        (0, Strain(failing_since=NOW - FAILING_MAX), Answer(status=200), None),
    ],
)
def test_a_webhook_is_disabled_by_its_receiver_or_when_it_fails_for_long(
    tries: int, strain: Strain, answer: Answer, reason: Reason | None
) -> None:
    assert judge(claim(tries, strain), answer, NOW).disable is reason


def test_an_event_that_is_gone_is_no_fault_of_the_receiver() -> None:
    outcome = judge(claim(), Answer(fault=Fault.EVENT_EXPIRED), NOW)
    assert (outcome.stage, outcome.strain, outcome.disable) == (Stage.FAILED, TIRED, None)


@pytest.mark.parametrize(
    ("status", "stage"), [(200, Stage.DELIVERED), (410, Stage.FAILED), (500, Stage.FAILED)]
)
def test_a_ping_is_tried_once_and_says_nothing_about_messages(status: int, stage: Stage) -> None:
    ping = replace(claim(), delivery=messages.ping(WEBHOOK, "pipeline", NOW))
    outcome = judge(ping, Answer(status=status), NOW)
    assert (outcome.stage, outcome.strain, outcome.disable) == (stage, TIRED, None)


@given(
    st.integers(0, 12),
    st.one_of(st.none(), st.integers(100, 599)),
    st.one_of(st.none(), st.text(max_size=40), st.integers(0, 10**12).map(str)),
)
def test_what_is_pending_is_due_later_within_the_schedule(
    tries: int, status: int | None, retry_after: str | None
) -> None:
    fault = Fault.CONNECTION_FAILED if status is None else None
    answer = Answer(status=status, fault=fault, retry_after=retry_after)
    outcome = judge(claim(tries), answer, NOW)
    assert (outcome.due_at is not None) == (outcome.stage is Stage.PENDING)
    if outcome.due_at is not None:
        assert NOW < outcome.due_at <= NOW + timedelta(hours=26.4)
        assert outcome.strain.held_until is not None
