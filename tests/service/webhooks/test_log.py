"""The log of deliveries, what is sent once more, and trials."""

from datetime import timedelta

import pytest

from shared import clock
from tests.service.conftest import Installation
from tests.service.webhooks.office import ANY, Json, Office, opened, until
from tests.service.webhooks.receiver import receiving, status


async def replayed(office: Office, webhook: Json, **stretch: object) -> Json:
    answer = await office.api.post(f"/v1/webhooks/{webhook['id']}/replay", json=stretch)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_the_log_has_the_newest_first_by_state_and_in_pages(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        await office.tell("一", "二", "三")
        await office.settled(webhook, *["delivered"] * 3)
        receiver.usual = status(500)
        await office.tell("四")
        await office.attempted_all(webhook, 4)
        found = await office.deliveries(webhook)
        assert [one["number"] for one in found] == [4, 3, 2, 1]
        assert [one["state"] for one in await office.deliveries(webhook, state="pending")] == [
            "pending"
        ]
        path = f"/v1/webhooks/{webhook['id']}/deliveries"
        answer = await office.api.get(path, params={"limit": 3})
        first = answer.json()
        rest = (await office.api.get(path, params={"cursor": first["next"]})).json()
        assert first["items"] + rest["items"] == found
        assert rest["next"] is None
        assert answer.links["next"]["url"].endswith(f"cursor={first['next']}")
        early = '{"field": "number", "op": "lte", "value": 2}'
        asked = {"filter": early, "sort": "id", "fields": "number", "count": "true"}
        page = (await office.api.get(path, params=asked)).json()
        assert ([one["number"] for one in page["items"]], page["total"]) == ([1, 2], 2)
        assert page["items"][0].keys() == {"id", "number"}


async def test_a_message_is_sent_once_more_under_its_id(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        await office.tell("一")
        (delivery,) = await office.settled(webhook, "delivered")
        path = f"/v1/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay"
        answer = await office.api.post(path)
        assert (answer.status_code, answer.json()["id"]) == (200, delivery["id"])
        again = await office.attempted(webhook, 2)
        assert (again["state"], receiver.ids) == ("delivered", [delivery["message_id"]] * 2)


async def test_a_message_that_is_not_there_cannot_be_sent(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        path = f"/v1/webhooks/{webhook['id']}/deliveries/{webhook['id']}/replay"
        answer = await office.api.post(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "delivery_not_found")


async def test_a_stretch_is_sent_once_more_and_what_came_before_the_webhook_too(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        await office.tell("一", "二")
        await office.numbered(2)
        webhook = await office.subscribe(receiver)
        await office.tell("三", "四")
        await office.settled(webhook, "delivered", "delivered")
        assert await replayed(office, webhook, after=1, until=3) == {"messages": 2, "next": None}
        await until(lambda: office.heard(receiver, ["三", "四", "二", "三"]))
        await office.settled(webhook, *["delivered"] * 3)


async def test_a_time_is_sent_once_more(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        await office.tell("一", "二", "三")
        await office.settled(webhook, *["delivered"] * 3)
        async with office.database.acquire() as conn:
            # The second was told an hour before the third, the first a day before.
            for number, hours in ((1, 24), (2, 1)):
                await conn.execute(
                    "UPDATE event_log SET logged_at = logged_at - make_interval(hours => $2)"
                    " WHERE number = $1",
                    number,
                    hours,
                )
        now = clock.now()
        stretch = {
            "since": (now - timedelta(hours=2)).isoformat(),
            "before": (now - timedelta(minutes=30)).isoformat(),
        }
        assert (await replayed(office, webhook, **stretch))["messages"] == 1
        await until(lambda: office.heard(receiver, ["一", "二", "三", "二"]))
        nothing = {
            "since": (now - timedelta(days=9)).isoformat(),
            "before": (now - timedelta(days=8)).isoformat(),
        }
        assert await replayed(office, webhook, **nothing) == {"messages": 0, "next": None}


async def test_a_long_stretch_is_sent_in_steps(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.webhooks.delivery.commands.EVENTS", 2)
    async with receiving() as receiver, opened(installation) as office:
        await office.tell("一", "二", "三", "四", "五")
        await office.numbered(5)
        webhook = await office.subscribe(receiver)
        steps = [await replayed(office, webhook, after=0)]
        while steps[-1]["next"] is not None:
            steps.append(await replayed(office, webhook, after=steps[-1]["next"]))
        assert [step["messages"] for step in steps] == [2, 2, 1]
        async with office.courier():
            await until(lambda: office.heard(receiver, ["一", "二", "三", "四", "五"]))


async def test_a_stretch_that_is_no_longer_kept_is_refused(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        await office.tell("一", "二")
        await office.numbered(2)
        async with office.database.acquire() as conn:
            await conn.execute("DELETE FROM event_log WHERE number = 1")
        path = f"/v1/webhooks/{webhook['id']}/replay"
        answer = await office.api.post(path, json={"after": 0})
        assert (answer.status_code, answer.json()["code"]) == (409, "events_not_kept")
        answer = await office.api.post(path, json={"after": 1})
        assert answer.json() == {"messages": 1, "next": None}


@pytest.mark.parametrize(
    "stretch",
    [
        {},
        {"partition": 0},
        {"since": "2026-01-01T00:00:00Z"},
        {"before": "2026-01-01T00:00:00Z"},
        {"after": -1},
        {"after": 2**63},
        {"after": "1"},
        {"partition": 64, "after": 0},
    ],
)
async def test_a_stretch_must_have_bounds(
    installation: Installation, stretch: dict[str, object]
) -> None:
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        answer = await office.api.post(f"/v1/webhooks/{webhook['id']}/replay", json=stretch)
        assert answer.status_code == 422


async def test_a_trial_is_sent_once_signed_and_in_any_state(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        path = f"/v1/webhooks/{webhook['id']}/test"
        await office.patch(webhook, state="paused")
        assert (await office.api.post(path)).status_code == 201
        (delivery,) = await office.settled(webhook, "delivered")
        (message,) = receiver.received
        message.verify(webhook["secret"])
        assert message.event["type"] == "pharos.pipeline.webhook.ping.v1"
        assert message.event["data"] == {"webhook_id": webhook["id"]}
        assert delivery["message_id"] == message.id == message.event["id"]
        receiver.usual = status(410)
        await office.api.post(path)
        await office.settled(webhook, "failed", "delivered")
        found = await office.read(webhook)
        assert (found["state"], found["health"]["failures"]) == ("paused", 0)


async def test_deleting_ends_what_is_pending(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        receiver.usual = status(500)
        webhook = await office.subscribe(receiver)
        await office.tell("一")
        await office.attempted(webhook, 1)
        path = f"/v1/webhooks/{webhook['id']}"
        assert (await office.api.delete(path, headers=ANY)).status_code == 204
        office.clock.go_on(hours=1)
        await office.tell("二")
        await office.rounds(3)
        assert receiver.names == ["一"]
        assert (await office.api.get(f"{path}/deliveries")).status_code == 404
