"""Rounds: through the file, then through what waits, until nothing moves."""

import pytest

from shared.jobs.model import Outcome, Place, State
from shared.jobs.rounds import after_batch

FILE, FIRST, LAST = Place(0, 7), Place(1, 7, 0), Place(2, 7, 0, last=True)


@pytest.mark.parametrize(
    ("place", "row", "waiting_more", "ended", "waiting", "state", "then"),
    [
        # The file goes on, ends with nothing waiting, ends with rows that wait.
        (FILE, 9, 1, "no", 1, State.RUNNING, Place(0, 9)),
        (FILE, 7, 0, "yes", 0, State.DONE, Place(0, 7)),
        (FILE, 7, 0, "yes", 3, State.WAITING, Place(1, 0)),
        # A round counts the rows that no longer wait; without any the next round is the last.
        (FIRST, 9, -2, "no", 3, State.WAITING, Place(1, 9, 2)),
        (Place(1, 9, 2), 9, 0, "yes", 3, State.WAITING, Place(2, 0)),
        (FIRST, 7, 0, "yes", 3, State.WAITING, Place(2, 0, last=True)),
        (Place(1, 9, 2), 9, 0, "yes", 0, State.DONE, Place(1, 9, 2)),
        (LAST, 9, -3, "no", 0, State.WAITING, Place(2, 9, 3, last=True)),
        (Place(2, 9, 3, last=True), 9, 0, "yes", 0, State.DONE, Place(2, 9, 3, last=True)),
    ],
)
def test_a_batch_is_followed_by_the_right_place(
    place: Place, row: int, waiting_more: int, ended: str, waiting: int, state: State, then: Place
) -> None:
    more = {Outcome.WAITING: waiting_more}
    found = after_batch(place, row, more, ended=ended == "yes", waiting=waiting)
    assert found == (state, then)
