"""Subscriptions: what may be asked for, by whom, and what is shown of it."""

import asyncio

import httpx
import pytest

from deploy.verify.findings import Report
from deploy.verify.keys import check_keys
from deploy.verify.reading import read
from deploy.verify.told import Log
from shared.runtime import Role
from shared.webhooks.model import WEBHOOKS_MAX
from tests.service.conftest import Installation
from tests.service.test_runtime import started
from tests.service.webhooks.office import ANY, SETTINGS, Json

BODY = {"url": "https://erp.example.com/pharos", "types": ["pharos.pipeline.deal.*"]}
ASKED = {"field": "name", "op": "contains", "value": "银行"}
Headers = dict[str, str]


def caller(installation: Installation, client: str, *roles: str, subject: str = "") -> Headers:
    """Return the headers of a machine client, or of a person who uses it."""
    token = installation.servers.issuer.token(subject or client, roles, client_id=client)
    return {"Authorization": f"Bearer {token}"}


async def make(api: httpx.AsyncClient, headers: Headers | None = None, **more: object) -> Json:
    answer = await api.post("/v1/webhooks", json={**BODY, **more}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def test_a_secret_is_shown_once(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        made = await make(api, description="ERP 接收交易")
        assert made["secret"].startswith("whsec_")
        path = f"/v1/webhooks/{made['id']}"
        found = (await api.get(path)).json()
        (listed,) = (await api.get("/v1/webhooks")).json()["items"]
        changed = (await api.patch(path, json={"description": "改名"}, headers=ANY)).json()
        deleted = await api.delete(path, headers=ANY)
        assert (deleted.status_code, deleted.content) == (204, b"")
        assert "secret" not in {**found, **listed, **changed}
        assert listed == found == {key: made[key] for key in found}
        assert (found["state"], found["version"], changed["version"]) == ("active", 1, 2)
        assert (await api.get(path)).status_code == 404


async def test_a_change_without_a_difference_is_no_new_version(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        made = await make(api, description="ERP", skip_client="erp")
        path = f"/v1/webhooks/{made['id']}"

        async def patched(**change: object) -> Json:
            answer = await api.patch(path, json=change, headers=ANY)
            found: Json = answer.json()
            return found

        assert (await patched(url=made["url"], state="active"))["version"] == 1
        assert (await patched())["version"] == 1
        changed = await patched(skip_client=None, description=None)
        assert (changed["version"], changed["skip_client"], changed["description"]) == (
            2,
            None,
            None,
        )


@pytest.mark.parametrize(
    ("more", "status", "code", "pointer"),
    [
        ({"url": "http://erp.example.com/"}, 422, "webhook_not_encrypted", "/url"),
        ({"url": "https://10.0.0.1/"}, 422, "webhook_address_internal", "/url"),
        ({"url": "https://a@erp.example.com/"}, 422, "webhook_url_invalid", "/url"),
        ({"url": "https://erp.example.com:22/"}, 422, "webhook_port_refused", "/url"),
        ({"url": "https://erp.example.com/" + "a" * 2_000}, 422, "text_too_long", "/url"),
        ({"types": []}, 422, "list_too_short", "/types"),
        ({"types": ["*"]}, 422, "text_pattern", "/types/0"),
        ({"types": ["pharos.pipeline.*x"]}, 422, "text_pattern", "/types/0"),
        ({"types": ["pharos.pipeline.deal.sold.v1"]}, 422, "event_type_unknown", "/types/0"),
        ({"types": ["pharos.targets.*"]}, 422, "event_type_unknown", "/types/0"),
        ({"condition": {"and": [{**ASKED, "field": "colour"}]}}, 422, "filter_field_unknown",
         "/condition/and/0"),
        ({"condition": {**ASKED, "value": 1}}, 422, "filter_value_invalid", "/condition/value"),
        ({"condition": "name"}, 422, "filter_not_readable", "/condition"),
        ({"condition": []}, 422, "filter_not_readable", "/condition"),
        ({"secret": "whsec_AAAA"}, 422, "unknown_field", "/secret"),
    ],
)  # fmt: skip
async def test_what_could_not_be_sent_is_refused(
    installation: Installation, more: dict[str, object], status: int, code: str, pointer: str
) -> None:
    async with installation.api("pipeline") as api:
        answer = await api.post("/v1/webhooks", json={**BODY, **more})
        assert answer.status_code == status, answer.text
        (error,) = answer.json()["errors"]
        assert (error["code"], error["pointer"]) == (code, pointer)


CONDITION = {"field": "amount.amount", "op": "gte", "value": "100000.00"}


async def test_a_condition_is_kept_shown_changed_and_taken_away(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api:
        made = await make(api, condition=CONDITION)
        path = f"/v1/webhooks/{made['id']}"
        assert (await api.get(path)).json()["condition"] == made["condition"] == CONDITION
        same = dict(reversed(CONDITION.items()))
        answer = await api.patch(path, json={"condition": same}, headers=ANY)
        assert answer.json()["version"] == 1
        answer = await api.patch(path, json={"description": "无关"}, headers=ANY)
        assert answer.json()["condition"] == CONDITION
        accounts = {"types": ["pharos.pipeline.account.*"]}
        answer = await api.patch(path, json=accounts, headers=ANY)
        (error,) = answer.json()["errors"]
        assert (error["code"], error["pointer"]) == ("filter_field_unknown", "/condition")
        answer = await api.patch(path, json={**accounts, "condition": None}, headers=ANY)
        assert (answer.status_code, answer.json()["condition"]) == (200, None)


async def test_nobody_subscribes_to_what_they_may_not_read(installation: Installation) -> None:
    async with installation.api("performance") as api:
        headers = caller(installation, "erp", "integration")
        body = {**BODY, "types": ["pharos.performance.*"]}
        answer = await api.post("/v1/webhooks", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "event_type_not_readable")
        assert (await api.post("/v1/webhooks", json=body)).status_code == 201


@pytest.mark.parametrize("role", ["sales_ops", "finance", "hr", "auditor", "manager", "rep"])
async def test_other_roles_have_no_webhooks(installation: Installation, role: str) -> None:
    async with installation.api("pipeline", roles=(role,)) as api:
        assert (await api.post("/v1/webhooks", json=BODY)).status_code == 403
        assert (await api.get("/v1/webhooks")).status_code == 403


async def test_a_client_sees_its_own_webhooks_and_operators_all(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api:
        erp, crm = (caller(installation, name, "integration") for name in ("erp", "crm"))
        person = caller(installation, "erp", "integration", subject="王芳")
        made = await make(api, erp)
        await make(api, crm)
        assert (made["owner_client"], made["skip_client"]) == ("erp", "erp")
        path = f"/v1/webhooks/{made['id']}"
        for headers, count in ((erp, 1), (crm, 1), (person, 0), (None, 2)):
            page = (await api.get("/v1/webhooks", headers=headers)).json()
            assert len(page["items"]) == count
        everybody = {"filter": '{"field": "url", "op": "contains", "value": "erp"}'}
        page = await api.get("/v1/webhooks", params=everybody, headers=crm)
        assert [one["owner_client"] for one in page.json()["items"]] == ["crm"]
        page = await api.get("/v1/webhooks", params={**everybody, "sort": "-made_at", "limit": 1})
        assert [one["owner_client"] for one in page.json()["items"]] == ["crm"]
        assert 'rel="next"' in page.headers["link"]
        for headers in (crm | ANY, person | ANY):
            answers = [
                await api.get(path, headers=headers),
                await api.patch(path, json={"url": "https://evil.example/"}, headers=headers),
                await api.delete(path, headers=headers),
                await api.post(f"{path}/secrets", json={}, headers=headers),
                await api.post(f"{path}/test", headers=headers),
                await api.get(f"{path}/deliveries", headers=headers),
                await api.post(f"{path}/replay", json={"after": 0}, headers=headers),
                await api.post(f"{path}/deliveries/{made['id']}/replay", headers=headers),
            ]
            assert {answer.status_code for answer in answers} == {404}
        assert (await api.get(path)).status_code == 200


async def test_an_operator_who_changes_a_webhook_does_not_widen_it(
    installation: Installation,
) -> None:
    async with installation.api("performance") as api, installation.open("performance") as database:
        person = caller(installation, "web", "admin", subject="李强")
        made = await make(api, person, types=["pharos.performance.*"])
        assert made["skip_client"] is None  # a person's program carries everybody's changes
        path = f"/v1/webhooks/{made['id']}"
        async with database.acquire() as conn:
            await conn.execute("UPDATE webhook SET owner_roles = '{integration}'")
            theirs = {"description": "别人改的"}
            assert (await api.patch(path, json=theirs, headers=ANY)).status_code == 200
            query = "SELECT owner_roles FROM webhook"
            assert await conn.fetchval(query) == ["integration"]
            own = {"description": "自己改的"}
            answer = await api.patch(path, json=own, headers=person | ANY)
            assert answer.status_code == 200
            assert await conn.fetchval(query) == ["admin"]


async def test_a_service_has_a_bounded_number_of_webhooks(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        await asyncio.gather(*(make(api) for _ in range(WEBHOOKS_MAX)))
        answer = await api.post("/v1/webhooks", json=BODY)
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")
        first = (await api.get("/v1/webhooks", params={"limit": 60})).json()
        rest = (await api.get("/v1/webhooks", params={"cursor": first["next"]})).json()
        assert (len(first["items"]), len(rest["items"])) == (60, 40)


async def test_a_repetition_under_the_same_key_is_answered_without_the_secret(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api:
        key = {"Idempotency-Key": "webhook-1"}
        first, second = [(await api.post("/v1/webhooks", json=BODY, headers=key)) for _ in "12"]
        assert first.json()["secret"].startswith("whsec_")
        assert second.json() == first.json() | {"secret": None}
        assert (second.status_code, second.headers["etag"]) == (201, '"1"')
        assert len((await api.get("/v1/webhooks")).json()["items"]) == 1


async def test_a_change_is_made_from_the_version_that_was_read(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api:
        made = await api.post("/v1/webhooks", json=BODY)
        path = f"/v1/webhooks/{made.json()['id']}"
        assert (await api.get(path)).headers["etag"] == made.headers["etag"] == '"1"'
        rotated = await api.post(f"{path}/secrets", json={}, headers={"If-Match": '"1"'})
        assert (rotated.status_code, rotated.headers["etag"]) == (201, '"2"')
        for asked in (
            api.build_request("PATCH", path, json={"state": "paused"}),
            api.build_request("POST", f"{path}/secrets", json={}),
            api.build_request("DELETE", path),
        ):
            missing = await api.send(asked)
            assert (missing.status_code, missing.json()["code"]) == (428, "version_required")
            asked.headers["If-Match"] = '"1"'
            stale = await api.send(asked)
            assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")
        change = await api.patch(path, json={"state": "paused"}, headers={"If-Match": '"2"'})
        assert (change.status_code, change.headers["etag"]) == (200, '"3"')


async def test_a_repeated_deletion_is_answered_as_the_first(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        path = f"/v1/webhooks/{(await make(api))['id']}"
        headers = {"If-Match": '"1"', "Idempotency-Key": "删除".encode().hex()}
        first, second = [await api.delete(path, headers=headers) for _ in "12"]
        assert (first.status_code, second.status_code, second.content) == (204, 204, b"")
        assert second.headers["idempotency-replayed"] == "true"
        assert (await api.delete(path, headers=ANY)).status_code == 404


async def test_the_verifier_finds_what_keys_made_and_what_was_deleted(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api:

        async def rotated(key: str) -> str:
            made = await api.post("/v1/webhooks", json=BODY, headers={"Idempotency-Key": key})
            path = f"/v1/webhooks/{made.json()['id']}/secrets"
            headers = {"Idempotency-Key": f"{key}-2", "If-Match": '"1"'}
            answer = await api.post(path, json={}, headers=headers)
            found: str = answer.json()["id"]
            return found

        _, gone = [await rotated(key) for key in ("kept", "gone")]
        deleting = {"Idempotency-Key": "3", "If-Match": '"2"'}
        answer = await api.delete(f"/v1/webhooks/{gone}", headers=deleting)
        assert answer.status_code == 204
        report = Report()
        tables = await read("pipeline", installation.dsn("pipeline"))
        check_keys(report, "pipeline", tables, Log("pipeline", tables))
        assert (report.findings, report.checked["idempotency_keys"]) == ([], 5)
        assert [row["subject"] for row in tables["webhook_deleted"]] == [gone]


async def test_how_a_receiver_does_is_shown_whatever_version_is_known(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api:
        path = f"/v1/webhooks/{(await make(api))['id']}"
        answer = await api.get(path, headers={"If-None-Match": '"1"'})
        assert (answer.status_code, answer.json()["health"]["pending"]) == (200, 0)


@pytest.mark.parametrize("hours", [-1, 169, 1.5, "24", None])
async def test_an_overlap_has_bounds(installation: Installation, hours: object) -> None:
    async with installation.api("pipeline") as api:
        path = f"/v1/webhooks/{(await make(api))['id']}/secrets"
        answer = await api.post(path, json={"overlap_hours": hours}, headers=ANY)
        assert answer.status_code == 422


async def test_a_leaked_secret_can_end_at_once(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        path = f"/v1/webhooks/{(await make(api))['id']}/secrets"
        overlapping = (await api.post(path, json={}, headers=ANY)).json()
        assert overlapping["former_secret_until"] is not None
        at_once = (await api.post(path, json={"overlap_hours": 0}, headers=ANY)).json()
        assert at_once["former_secret_until"] is None
        assert at_once["secret"] != overlapping["secret"]


async def test_a_webhook_made_before_any_worker_ran_is_told_from_the_first_event_on(
    installation: Installation,
) -> None:
    async with installation.api("pipeline") as api, installation.open("pipeline") as database:
        await make(api)
        async with database.acquire() as conn:
            assert await conn.fetchval("SELECT count(*) FROM webhook_position") == 0
        async with started(installation, "pipeline", Role.ALL, **SETTINGS):
            for _ in range(200):
                async with database.acquire() as conn:
                    if await conn.fetchval("SELECT number FROM webhook_position") == 0:
                        return
                await asyncio.sleep(0.02)
        pytest.fail("it has no position")
