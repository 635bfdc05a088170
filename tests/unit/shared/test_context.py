"""Ids of what is made in answer to an event."""

from dataclasses import replace

from shared import clock
from shared.context import Context
from shared.ids import derived_id

REQUEST = Context("tester", clock.now(), derived_id("request"))
DEAL = derived_id("deal")


def test_what_a_request_makes_is_always_new() -> None:
    assert REQUEST.event_id("won", DEAL, 1) != REQUEST.event_id("won", DEAL, 1)


def test_the_answer_to_an_event_has_one_id_per_version_of_what_it_tells_of() -> None:
    answer = replace(REQUEST, causation_id=derived_id("event"))
    assert answer.event_id("won", DEAL, 1) == answer.event_id("won", DEAL, 1)
    assert answer.event_id("won", DEAL, 1) != answer.event_id("won", DEAL, 2)
