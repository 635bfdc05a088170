"""Where a job goes on: through the file, then through the rows that wait, until none moves."""

from collections.abc import Mapping

from shared.jobs.model import Outcome, Place, State


def after_batch(
    place: Place, last_row: int, more: Mapping[Outcome, int], *, ended: bool, waiting: int
) -> tuple[State, Place]:
    """Return state and place behind a batch whose last row is ``last_row``.

    ``more`` is what the counts grew by, ``waiting`` how many rows wait now; ``ended`` tells that
    the round has no further rows. A round in which no row moved is followed by the last one, in
    which what still waits is refused.
    """
    settled = place.settled
    if place.round > 0:
        settled -= more.get(Outcome.WAITING, 0)
    if not ended:
        state = State.RUNNING if place.round == 0 else State.WAITING
        return state, Place(place.round, last_row, settled, place.last)
    if waiting == 0:
        return State.DONE, Place(place.round, last_row, settled, place.last)
    stuck = place.round > 0 and settled == 0
    return State.WAITING, Place(place.round + 1, 0, 0, stuck)
