"""When to try again: ten times in three days, never sooner than the receiver asks."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.webhooks.delivery import schedule

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_message_is_tried_ten_times_in_three_days_with_some_spread() -> None:
    # 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h are 75 h 35 min 5 s.
    moment, waits = NOW, []
    for tries in range(1, 10):
        due = schedule.next_try(tries, moment, None)
        assert due is not None
        waits.append((due - moment).total_seconds())
        moment = due
    assert schedule.next_try(10, moment, None) is None
    plain = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert all(due <= wait <= due * 1.1 for due, wait in zip(plain, waits, strict=True))
    assert 272_105 <= sum(waits) <= 272_105 * 1.1


def test_a_receiver_that_asks_for_more_time_gets_it() -> None:
    due = schedule.next_try(1, NOW, timedelta(hours=3))
    assert due == NOW + timedelta(hours=3)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("999999999999999999999", 86_400),
        ("Mon, 23 Nov 2026 09:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 08:00:00 GMT", 0),
        ("Mon, 23 Nov 2099 08:00:00 GMT", 86_400),
        ("-5", None),
        ("1.5", None),
        ("１２", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(
    text: str | None, seconds: int | None
) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert schedule.asked(text, NOW) == expected


@pytest.mark.parametrize(
    ("failures", "status", "wait", "seconds"),
    [
        (1, 500, None, 1),
        (2, None, None, 2),
        (5, 500, None, 16),
        (7, 500, None, 60),
        (100_000, 500, None, 60),
        (1, 429, None, 5),
        (1, 503, 90, 90),
        (9, 200, 3_600, 3_600),
    ],
)
def test_a_receiver_that_fails_is_left_alone_longer_and_longer(
    failures: int, status: int | None, wait: int | None, seconds: int
) -> None:
    asked = None if wait is None else timedelta(seconds=wait)
    assert schedule.pause(failures, status, asked) == timedelta(seconds=seconds)
