"""What comes next in a source's log, and what must never be gone over in silence."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import clock
from shared.context import Origin
from shared.events.envelope import Event, from_headers, from_structured, to_headers, to_structured
from shared.events.sequence import Gap, LinkBroken, contiguous


def event(number: int, previous: int | None = None) -> Event:
    """Return event ``number``; it names the one before unless told otherwise."""
    link = number - 1 if previous is None else previous
    return Event(
        id=UUID(int=number),
        source="pipeline",
        partition=0,
        number=number,
        previous_id=UUID(int=link) if link else None,
        type="pharos.pipeline.account.saved.v1",
        subject=UUID(int=7),
        version=1,
        time=clock.now(),
        correlation_id=UUID(int=8),
        causation_id=None,
        origin=Origin.LIVE,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data='{"name":"客户"}',
    )


def numbers(mark: int, *found: Event) -> list[int]:
    last = UUID(int=mark) if mark else None
    return [taken.number for taken in contiguous(mark, last, found)]


@given(mark=st.integers(0, 5), arrived=st.lists(st.integers(1, 12), max_size=30).map(sorted))
def test_only_what_follows_without_a_hole_is_taken_and_each_once(
    mark: int, arrived: list[int]
) -> None:
    fresh = sorted({number for number in arrived if number > mark})
    if fresh and fresh[0] != mark + 1:
        with pytest.raises(Gap):
            numbers(mark, *map(event, arrived))
        return
    taken = numbers(mark, *map(event, arrived))
    assert taken == list(range(mark + 1, mark + 1 + len(taken)))
    assert mark + len(taken) + 1 not in fresh


def test_a_gap_names_what_is_missing() -> None:
    with pytest.raises(Gap, match="Events 3 to 4 are missing"):
        numbers(2, event(5))


def test_a_link_to_another_history_stops_everything() -> None:
    with pytest.raises(LinkBroken, match="restored from an old backup"):
        numbers(2, event(3, previous=99))
    with pytest.raises(LinkBroken):
        numbers(2, event(3), event(4, previous=99))


def test_an_envelope_survives_both_its_forms() -> None:
    sent = event(3)
    assert from_headers(to_headers(sent), (sent.data or "").encode(), None) == sent
    document = {
        key: str(value) if isinstance(value, UUID) else value
        for key, value in to_structured(sent).items()
    }
    document |= {"time": sent.time.isoformat(), "data": {"name": "客户"}}
    assert from_structured(document) == sent
