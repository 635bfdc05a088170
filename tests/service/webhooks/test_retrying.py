"""What is not taken is tried again, by the schedule, until it is taken, given up or called off."""

from datetime import datetime, timedelta

import pytest

from tests.service.conftest import Installation
from tests.service.webhooks.office import Json, Office, opened, until
from tests.service.webhooks.receiver import (
    Behaviour,
    cut,
    endless,
    nonsense,
    receiving,
    silence,
    status,
)

DELAYS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)


def wait_of(delivery: Json) -> float:
    """Return how long after the last attempt the message is due, in seconds."""
    due = datetime.fromisoformat(delivery["due_at"])
    return (due - datetime.fromisoformat(delivery["attempts"][-1]["began_at"])).total_seconds()


async def give_up(office: Office, webhook: Json) -> Json:
    """Let the clock run until the one message has been tried for the last time."""
    for tries, delay in enumerate(DELAYS, start=1):
        delivery = await office.attempted(webhook, tries)
        assert delivery["state"] == "pending"
        assert delay <= wait_of(delivery) <= delay * 1.1 + 1
        office.clock.go_on(seconds=delay * 1.1 + 1)
    return await office.attempted(webhook, len(DELAYS) + 1)


async def test_a_message_is_tried_ten_times_under_one_id_and_then_given_up(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        receiver.usual = status(500, body="内部错误")
        webhook = await office.subscribe(receiver)
        await office.tell("一")
        delivery = await give_up(office, webhook)
        assert (delivery["state"], delivery["due_at"]) == ("failed", None)
        assert {attempt["status"] for attempt in delivery["attempts"]} == {500}
        assert {attempt["excerpt"] for attempt in delivery["attempts"]} == {"内部错误"}
        assert receiver.ids == [delivery["message_id"]] * 10
        health = (await office.read(webhook))["health"]
        assert (health["failures"], health["given_up"], health["pending"]) == (10, 1, 0)


@pytest.mark.parametrize(
    ("behaviour", "attempt"),
    [
        (status(404), (404, None)),
        (status(503), (503, None)),
        (status(302, "Location: http://127.0.0.1:1/"), (302, None)),
        (endless(500), (500, None)),
        (silence, (None, "timed_out")),
        (cut, (None, "answer_unreadable")),
        (nonsense, (None, "answer_unreadable")),
    ],
)
async def test_whatever_goes_wrong_the_message_comes_once_more(
    installation: Installation, behaviour: Behaviour, attempt: tuple[int | None, str | None]
) -> None:
    async with receiving(answers=[behaviour]) as receiver, opened(installation) as office:
        office.seconds = 0.5
        webhook = await office.subscribe(receiver)
        async with office.courier():
            await office.tell("一")
            delivery = await office.attempted(webhook, 1)
            first = delivery["attempts"][0]
            assert (first["status"], first["fault"]) == attempt
            office.clock.go_on(seconds=10)
            await office.settled(webhook, "delivered")
            assert receiver.ids == [delivery["message_id"]] * 2


async def test_a_message_that_must_wait_is_overtaken(installation: Installation) -> None:
    async with receiving(answers=[status(500)]) as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        async with office.courier():
            await office.tell("一", "二")
            await office.attempted_all(webhook, 1)
            office.clock.go_on(seconds=2)  # the receiver is left alone for a second, then goes on
            await until(lambda: office.heard(receiver, ["一", "二"]))
            office.clock.go_on(seconds=10)
            await until(lambda: office.heard(receiver, ["一", "二", "一"]))


async def test_the_receiver_decides_how_long_to_wait(installation: Installation) -> None:
    answers = [status(429, "Retry-After: 3600")]
    async with receiving(answers=answers) as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        async with office.courier():
            await office.tell("一", "二")
            _, first = await office.attempted_all(webhook, 1)
            assert 3_600 <= wait_of(first) <= 3_601
            office.clock.go_on(minutes=59)
            await office.rounds(3)
            assert receiver.names == ["一"]  # the second was not tried either: too many is too many
            office.clock.go_on(minutes=2)
            await office.settled(webhook, "delivered", "delivered")


async def test_410_disables_and_what_was_not_taken_comes_after_all(
    installation: Installation,
) -> None:
    async with receiving(answers=[status(410)]) as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        async with office.courier():
            await office.tell("一", "二")
            assert (await office.is_in(webhook, "disabled"))["reason"] == "gone"
            await office.tell("三")
            office.clock.go_on(hours=1)
            await office.rounds(3)
            assert receiver.names == ["一"]
            again = (await office.patch(webhook, state="active")).json()
            assert (again["state"], again["reason"]) == ("active", None)
            await until(lambda: office.heard_all(receiver, {"一", "二", "三"}))
            await office.settled(webhook, *["delivered"] * 3)


async def test_five_days_without_a_success_disable(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        receiver.usual = status(500)
        webhook = await office.subscribe(receiver)
        await office.tell("一")
        await give_up(office, webhook)
        assert (await office.read(webhook))["state"] == "active"
        office.clock.go_on(days=2)
        await office.tell("二")
        assert (await office.is_in(webhook, "disabled"))["reason"] == "failing"


async def test_a_success_in_between_keeps_a_webhook_active(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        receiver.usual = status(500)
        webhook = await office.subscribe(receiver)
        await office.tell("一")
        await give_up(office, webhook)
        office.clock.go_on(minutes=2)
        receiver.answers = [status(200)]
        await office.tell("二")
        await office.settled(webhook, "delivered", "failed")
        office.clock.go_on(days=3)
        await office.tell("三")
        await until(lambda: office.heard_all(receiver, {"一", "二", "三"}))
        found = await office.read(webhook)
        assert (found["state"], found["health"]["given_up"]) == ("active", 0)


async def test_messages_given_up_in_a_row_disable(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.webhooks.delivery.outcome.GIVEN_UP_MAX", 2)
    monkeypatch.setattr("shared.webhooks.delivery.schedule.DELAYS", (timedelta(0),))
    async with receiving() as receiver, opened(installation) as office, office.courier():
        receiver.usual = status(500)
        webhook = await office.subscribe(receiver)
        await office.tell("一")
        await office.settled(webhook, "failed")
        office.clock.go_on(minutes=1)
        await office.tell("二")
        assert (await office.is_in(webhook, "disabled"))["reason"] == "given_up"


async def test_what_happens_while_a_webhook_is_paused_is_told_afterwards(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        await office.tell("一")
        await office.settled(webhook, "delivered")
        assert (await office.patch(webhook, state="paused")).json()["state"] == "paused"
        await office.tell("二", "三")
        await office.rounds(3)
        assert receiver.names == ["一"]
        await office.patch(webhook, state="active")
        await until(lambda: office.heard(receiver, ["一", "二", "三"]))


async def test_what_happened_in_between_can_be_left_out(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        await office.patch(webhook, state="paused")
        await office.tell("二", "三")
        await office.numbered(2)
        await office.patch(webhook, state="active", resume="now")
        await office.tell("四")
        await until(lambda: office.heard(receiver, ["四"]))


async def test_what_the_log_no_longer_has_is_never_left_out_silently(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        await office.tell("一", "二", "三")
        await office.numbered(3)
        async with office.database.acquire() as conn:
            await conn.execute("DELETE FROM event_log WHERE number < 3")
        async with office.courier():
            found = await office.is_in(webhook, "disabled")
            assert (found["reason"], found["health"]["behind"]) == ("events_expired", 3)
            refused = await office.patch(webhook, state="active")
            assert (refused.status_code, refused.json()["code"]) == (409, "webhook_too_far_behind")
            assert "2 events" in refused.json()["detail"]
            taken = await office.patch(webhook, state="active", resume="oldest")
            assert taken.status_code == 200
            await until(lambda: office.heard(receiver, ["三"]))


async def test_a_message_whose_event_is_no_longer_kept_is_given_up(
    installation: Installation,
) -> None:
    async with receiving(answers=[status(500)]) as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        async with office.courier():
            await office.tell("一")
            await office.attempted(webhook, 1)
            async with office.database.acquire() as conn:
                await conn.execute("DELETE FROM event_log")
            office.clock.go_on(seconds=10)
            (delivery,) = await office.settled(webhook, "failed")
            assert delivery["attempts"][1]["fault"] == "event_expired"
            assert (await office.read(webhook))["state"] == "active"
