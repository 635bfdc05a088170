"""Delivering: every event that is asked for arrives, signed, in order, and nothing else does."""

import asyncio
from datetime import timedelta
from functools import partial

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared import clock
from shared.context import Context, Origin
from shared.contracts.contract import MoneyValue
from shared.contracts.pipeline import ProductSaved
from shared.db import Connection
from shared.events import outbox
from shared.ids import new_id
from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.events.told import account
from tests.service.test_runtime import started
from tests.service.webhooks.office import ANY, SETTINGS, Office, opened, until
from tests.service.webhooks.receiver import Receiver, receiving, silence, status

ACCOUNT = "/v1/accounts/by-external/crm/1"


def product(code: str) -> ProductSaved:
    price = MoneyValue(amount="9.90", currency="CNY")  # type: ignore[arg-type]
    return ProductSaved(
        version=1, product_id=new_id(), code=code, name="灯塔主机", line=None, list_price=price
    )


async def test_an_event_arrives_as_in_the_feed_and_signed(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        await office.tell("上海灯塔")
        (delivery,) = await office.settled(webhook, "delivered")
        (message,) = receiver.received
        message.verify(webhook["secret"])
        (event,) = (await office.api.get("/v1/events")).json()["events"]
        assert message.event == event
        assert (message.id, message.id) == (event["id"], delivery["message_id"])
        assert message.target == "/hook"
        assert message.headers["content-type"].startswith("application/cloudevents+json")
        (attempt,) = delivery["attempts"]
        assert (attempt["status"], attempt["fault"]) == (204, None)


async def test_messages_come_in_the_order_of_their_numbers_one_at_a_time(
    installation: Installation,
) -> None:
    names = [f"客户{number}" for number in range(60)]
    async with receiving() as receiver, opened(installation) as office:
        await office.subscribe(receiver)
        async with office.courier():
            await office.tell(*names[:30])
            await office.tell(*names[30:])
            await until(lambda: _reached(receiver.names, names))
            assert {message.beside for message in receiver.received} == {0}


async def _reached(found: list[str], wanted: list[str]) -> bool | None:
    return found == wanted or None


async def test_only_what_is_asked_for_is_sent(installation: Installation) -> None:
    async with (
        receiving() as some,
        receiving() as one,
        receiving() as everything,
        opened(installation) as office,
        office.courier(),
    ):
        await office.subscribe(some, types=["pharos.pipeline.product.*"])
        await office.subscribe(one, types=["pharos.pipeline.account.saved.v1"])
        await office.subscribe(everything, types=["pharos.pipeline.*"])
        await office.tell("一")
        await office.tell_of(product("P-1"), account(name="二"))
        await until(lambda: _reached(everything.names, ["一", "灯塔主机", "二"]))
        await until(lambda: _reached(one.names, ["一", "二"]))
        await until(lambda: _reached(some.names, ["灯塔主机"]))


async def test_a_webhook_is_told_of_what_happens_after_its_making(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        await office.tell("之前")
        await office.api.get("/v1/events", params={"wait": 5})
        await office.subscribe(receiver)
        await office.tell("之后")
        await until(lambda: _reached(receiver.names, ["之后"]))


async def test_imported_history_is_told_to_nobody(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        await office.subscribe(receiver)
        ctx = Context("tester", clock.now(), new_id(), origin=Origin.IMPORT)

        async def bring_in(conn: Connection) -> None:
            await outbox.append(conn, [(ctx, account(name="历史"))])

        await office.database.transact(bring_in)
        await office.tell("现在")
        await until(lambda: _reached(receiver.names, ["现在"]))


def caller(installation: Installation, client: str, *roles: str) -> dict[str, str]:
    """Return the headers of a machine client."""
    token = installation.servers.issuer.token(client, roles, client_id=client)
    return {"Authorization": f"Bearer {token}"}


async def test_a_receiver_is_not_sent_its_own_changes_unless_it_asks(
    installation: Installation,
) -> None:
    erp, crm = (caller(installation, name, "integration") for name in ("erp", "crm"))

    async def subscribe(api: httpx.AsyncClient, url: str, **terms: object) -> None:
        body = {"url": url, "types": ["pharos.pipeline.*"], **terms}
        answer = await api.post("/v1/webhooks", json=body, headers=erp)
        assert answer.status_code == 201, answer.text

    async with (
        receiving() as usual,
        receiving() as echoed,
        started(installation, "pipeline", Role.ALL, **SETTINGS) as api,
    ):
        await subscribe(api, usual.url())
        await subscribe(api, echoed.url(), skip_client=None)
        await api.put(ACCOUNT, json={"name": "由 ERP 修改"}, headers=erp)
        await api.put(ACCOUNT, json={"name": "由 CRM 修改"}, headers=crm)
        await until(lambda: _reached(usual.names, ["由 CRM 修改"]))
        await until(lambda: _reached(echoed.names, ["由 ERP 修改", "由 CRM 修改"]))


async def test_what_the_owner_may_not_read_is_never_sent(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver, types=["pharos.pipeline.*"])
        async with office.database.acquire() as conn:
            # As if the roles of then read products only.
            await conn.execute("UPDATE webhook SET owner_roles = '{rep}'")
        await office.tell("看不到的客户")
        await office.tell_of(product("P-1"))
        await office.settled(webhook, "delivered")
        assert receiver.names == ["灯塔主机"]


async def test_both_secrets_sign_during_a_rotation_and_one_after_it(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        webhook = await office.subscribe(receiver)
        path = f"/v1/webhooks/{webhook['id']}/secrets"
        rotated = (await office.api.post(path, json={"overlap_hours": 1}, headers=ANY)).json()
        assert rotated["secret"] != webhook["secret"]
        await office.tell("轮换期间")
        await until(lambda: _reached(receiver.names, ["轮换期间"]))
        for secret in (rotated["secret"], webhook["secret"]):
            receiver.received[0].verify(secret)
        async with office.database.acquire() as conn:
            await conn.execute("UPDATE webhook SET former_until = now() - interval '1 second'")
        await office.tell("轮换之后")
        await until(lambda: _reached(receiver.names, ["轮换期间", "轮换之后"]))
        message = receiver.received[1]
        message.verify(rotated["secret"])
        with pytest.raises(WebhookVerificationError):
            Webhook(webhook["secret"]).verify(message.body, message.headers)


async def test_only_what_meets_the_condition_is_told(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office, office.courier():
        condition = {"field": "name", "op": "contains", "value": "银行"}
        webhook = await office.subscribe(receiver, condition=condition)
        await office.tell("上海灯塔", "华东银行", "北京灯塔", "南京银行")
        await until(lambda: _reached(receiver.names, ["华东银行", "南京银行"]))
        path = f"/v1/webhooks/{webhook['id']}/replay"
        again = (await office.api.post(path, json={"after": 0})).json()
        assert again == {"messages": 2, "next": None}


async def test_a_condition_that_cannot_be_read_stops_its_webhook_alone(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office:
        later = await office.subscribe(receiver)
        await office.subscribe(receiver)
        async with office.database.acquire() as conn:
            await conn.execute(
                "UPDATE webhook SET condition = $2::json WHERE id = $1",
                later["id"],
                '{"field": "margin", "op": "gte", "value": "0.1"}',
            )
        async with office.courier():
            await office.tell("上海灯塔")
            found = await office.is_in(later, "disabled")
            assert found["reason"] == "condition_unreadable"
            await until(lambda: _reached(receiver.names, ["上海灯塔"]))
            refused = await office.patch(later, state="active")
            assert refused.json()["code"] == "filter_field_unknown"
            taken = await office.patch(later, state="active", condition=None)
            assert taken.status_code == 200
            await until(lambda: _reached(receiver.names, ["上海灯塔", "上海灯塔"]))


async def test_a_receiver_that_hangs_holds_up_no_other(installation: Installation) -> None:
    async with receiving() as slow, receiving() as quick, opened(installation) as office:
        slow.usual = silence
        office.seconds = 30
        for _ in range(5):
            await office.subscribe(slow)
        await office.subscribe(quick)
        async with office.courier():
            await office.tell("一", "二", "三")
            await until(lambda: _reached(quick.names, ["一", "二", "三"]))
            assert len(slow.received) <= 5


async def test_two_couriers_that_both_lead_never_send_the_same(
    installation: Installation,
) -> None:
    names = [f"客户{number}" for number in range(40)]
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        async with office.courier(), office.courier(lease="second"):
            await office.tell(*names)
            await until(lambda: _reached(receiver.names, names))
            found = await office.deliveries(webhook, limit=100)
            assert {len(one["attempts"]) for one in found} == {1}
            assert {message.beside for message in receiver.received} == {0}


async def test_a_second_courier_goes_on_where_the_first_was_cut_off(
    installation: Installation,
) -> None:
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        receiver.answers = [silence]
        office.seconds = 30
        async with office.courier():
            await office.tell("一", "二")
            await until(lambda: _reached(receiver.names, ["一"]))
        async with office.courier():
            await office.settled(webhook, "delivered", "delivered")
        assert receiver.names == ["一", "一", "二"]
        assert receiver.ids[0] == receiver.ids[1]


CUT_OFF = """
    SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def test_a_database_that_breaks_off_again_and_again_loses_no_message(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.webhooks.courier.MARGIN_SECONDS", 0.1)
    names = [f"客户{number}" for number in range(60)]
    async with receiving() as receiver, opened(installation) as office:
        await office.subscribe(receiver)
        await office.tell(*names)
        await office.numbered(60)
        async with office.courier():
            for count in (5, 10, 15):
                await until(partial(_at_least, receiver, count))
                async with installation.open("pipeline") as other, other.acquire() as conn:
                    await conn.execute(CUT_OFF)
            await until(lambda: office.heard_all(receiver, set(names)))
        # What was not recorded came again, under its own id.
        assert len(set(receiver.ids)) == 60


async def _at_least(receiver: Receiver, count: int) -> bool | None:
    return len(receiver.received) >= count or None


async def test_more_events_than_one_look_takes_are_all_told(installation: Installation) -> None:
    names = [f"客户{number}" for number in range(1_200)]
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        other = await office.subscribe(receiver, types=["pharos.pipeline.product.*"])
        for start in range(0, 1_200, 400):
            await office.tell(*names[start : start + 400])
        async with office.courier():
            await until(lambda: _counted(office, webhook, 1_200))
            found = await office.read(other)
            assert (found["health"]["behind"], found["health"]["pending"]) == (0, 0)


async def _counted(office: Office, webhook: dict[str, str], count: int) -> bool | None:
    async with office.database.acquire() as conn:
        made = await conn.fetchval(
            "SELECT count(DISTINCT number) FROM webhook_delivery WHERE webhook_id = $1",
            webhook["id"],
        )
    return made == count or None


async def test_what_was_delivered_long_ago_is_forgotten(installation: Installation) -> None:
    async with receiving() as receiver, opened(installation) as office:
        webhook = await office.subscribe(receiver)
        async with office.courier():
            await office.tell("一")
            await office.settled(webhook, "delivered")
        office.clock.go_on(days=13)
        async with office.courier():
            await office.tell("二")
            await office.settled(webhook, "delivered", "delivered")
        office.clock.go_on(days=2)
        async with office.courier():
            (left,) = await office.settled(webhook, "delivered")
        assert receiver.names == ["一", "二"]
        assert left["message_id"] == receiver.ids[1]


async def test_a_receiver_that_takes_nothing_does_not_make_messages_for_ever(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.webhooks.following.follow.PENDING_MAX", 3)
    monkeypatch.setattr("shared.webhooks.following.follow.EVENTS", 2)
    names = [f"客户{number}" for number in range(10)]
    async with receiving() as receiver, opened(installation) as office:
        receiver.usual = status(500)
        webhook = await office.subscribe(receiver)
        await office.tell(*names)
        async with office.courier():
            await until(lambda: _counted(office, webhook, 4))
            assert (await office.read(webhook))["health"]["behind"] == 6
            receiver.usual = status(200)
            for _ in range(20):
                office.clock.ahead += timedelta(seconds=30)
                await asyncio.sleep(0.05)
            await until(lambda: _counted(office, webhook, 10))
            assert set(receiver.names) >= set(names[:4])
