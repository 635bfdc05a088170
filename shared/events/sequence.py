"""What comes next: pure checks on numbers and links of a source's events."""

from collections.abc import Sequence
from uuid import UUID

from shared.events.envelope import Event


class Gap(Exception):
    """Events between two numbers are missing; the source's feed has them."""

    def __init__(self, after: int, before: int) -> None:
        super().__init__(f"Events {after + 1} to {before - 1} are missing.")
        self.after = after
        self.before = before


class LinkBroken(Exception):
    """The source tells another history than the one that was applied; an operator must repair."""


def contiguous(number: int, event_id: UUID | None, events: Sequence[Event]) -> Sequence[Event]:
    """Return the events that follow ``number`` without a hole, known ones dropped.

    Raises Gap when the first unknown event is not the next one, LinkBroken when its link does not
    name the event that was applied last. Events behind a later hole are left for the next turn.
    """
    taken: list[Event] = []
    for event in events:
        if event.number <= number:
            continue
        if event.number != number + 1:
            if not taken:
                raise Gap(number, event.number)
            break
        if event.previous_id != event_id:
            raise LinkBroken(
                f"Event {event.number} of {event.source} follows {event.previous_id}, but "
                f"{event_id} was applied before it: the source was restored from an old backup."
            )
        taken.append(event)
        number, event_id = event.number, event.id
    return taken
