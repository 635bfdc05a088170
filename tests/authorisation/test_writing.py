"""Who may change what: out of sight 404, in sight but not in reach 403, and nothing is changed."""

from typing import Any, Final
from uuid import UUID

import pytest

from shared.ids import new_id
from tests.authorisation.company import MEMBERS, REACHES
from tests.authorisation.office import Office
from tests.service.performance_world import plan

COUNTS: Final = """
    SELECT (SELECT sum(version) FROM deal) AS deals, (SELECT sum(version) FROM account) AS accounts,
           (SELECT count(*) FROM deal) AS deal_rows, (SELECT count(*) FROM outbox) AS told,
           (SELECT count(*) FROM audit_pending) AS noted
"""


async def state(office: Office) -> dict[str, object]:
    async with office.databases["pipeline"].acquire() as conn:
        return dict(await conn.fetchrow(COUNTS) or {})


async def owner_of(office: Office, deal_id: str) -> str:
    async with office.databases["pipeline"].acquire() as conn:
        owner = await conn.fetchval("SELECT owner_id FROM deal WHERE id = $1", UUID(deal_id))
    return next(name for name in MEMBERS if office.ids[name] == owner)


@pytest.mark.parametrize("who", REACHES)
async def test_a_deal_is_changed_by_who_reaches_its_owner(office: Office, who: str) -> None:
    """What is let through meets a rule of the field (409) or another version (412)."""
    reach, before = REACHES[who], await state(office)
    for deal_id, owners in office.rows["deals"].items():
        own = await owner_of(office, deal_id) in reach.members
        refusal = 403 if owners.members & reach.members else 404
        path = f"/v1/deals/{deal_id}"
        moved = await office.ask(
            "pipeline", who, reach.role, "POST", f"{path}/transitions", json={"to": "open"}
        )
        assert moved.status_code == (409 if own else refusal), moved.text
        edited = await office.ask(
            *("pipeline", who, reach.role, "PATCH", path),
            json={"name": "改名"},
            headers={"If-Match": '"999"'},
        )
        assert edited.status_code == (412 if own else refusal), edited.text
        for answer in (moved, edited):
            if answer.status_code == 403:
                assert answer.json()["code"] == "not_within_reach"
    assert await state(office) == before


def record(office: Office, owner: str, **more: object) -> dict[str, Any]:
    return {
        "name": "新商机",
        "owner_id": str(office.ids[owner]),
        "amount": {"amount": "1000.00", "currency": "CNY"},
        "opened_on": "2026-01-05",
        **more,
    }


@pytest.mark.parametrize("who", REACHES)
async def test_a_deal_is_not_given_to_somebody_out_of_reach(office: Office, who: str) -> None:
    """Nor is a share of it to somebody whom nobody knows."""
    reach, before = REACHES[who], await state(office)
    nobody = [{"member_id": str(new_id()), "share": "1"}]
    bodies = [record(office, name) for name in MEMBERS if name not in reach.members]
    bodies += [record(office, one, shares=nobody) for one in sorted(reach.members)[:1]]
    for place, body in enumerate(bodies):
        many = {"deals": [body | {"external": {"source": "crm", "id": f"新{place}"}}]}
        for path, sent in (("/v1/deals", body), ("/v1/deals/bulk", many)):
            answer = await office.ask(
                *("pipeline", who, reach.role, "POST", path),
                json=sent,
                headers={"Idempotency-Key": f"{who}{place}{path}".encode().hex()},
            )
            assert answer.status_code == 403, answer.text
            assert answer.json()["code"] == "not_within_reach"
    assert await state(office) == before


async def test_a_record_of_another_system_is_held_to_the_same(office: Office) -> None:
    before = await state(office)
    for who, reach in REACHES.items():
        for name in set(MEMBERS) - reach.members:
            external = {"source": "crm", "id": name}
            body = record(office, name, external=external)
            answer = await office.ask(
                "pipeline", who, reach.role, "POST", "/v1/deals/bulk", json={"deals": [body]}
            )
            assert answer.status_code == 404, answer.text
            body = {"name": "改名", "owner_id": str(office.ids[name])}
            path = f"/v1/accounts/by-external/crm/{name}"
            answer = await office.ask("pipeline", who, reach.role, "PUT", path, json=body)
            assert answer.status_code == 404, answer.text
    assert await state(office) == before


async def test_a_new_account_is_of_somebody_in_reach(office: Office) -> None:
    before = await state(office)
    for who, reach in REACHES.items():
        for owner in (None, *(set(MEMBERS) - reach.members)):
            body = {"name": "新客户", "owner_id": None if owner is None else str(office.ids[owner])}
            answer = await office.ask(
                "pipeline", who, reach.role, "POST", "/v1/accounts", json=body
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "not_within_reach")
            assert answer.json()["errors"][0]["pointer"] == "/owner_id"
    assert await state(office) == before


async def test_what_a_member_opens_without_naming_an_owner_is_the_members(office: Office) -> None:
    unnamed = {key: value for key, value in record(office, "周销售").items() if key != "owner_id"}
    for who, role in (("周销售", "rep"), ("陈队长", "manager"), ("孙队长", "sales_ops")):
        for method, path, body in (
            ("POST", "/v1/accounts", {"name": "自开客户"}),
            ("PUT", f"/v1/accounts/by-external/self/{who}", {"name": "自开客户"}),
            ("POST", "/v1/deals", unnamed),
        ):
            keys = {"Idempotency-Key": f"unnamed{who}{path}".encode().hex()}
            answer = await office.ask("pipeline", who, role, method, path, json=body, headers=keys)
            assert answer.is_success, answer.text
            assert answer.json()["owner_id"] == str(office.ids[who])
            office.of("deals" if "deals" in path else "accounts", answer.json()["id"], who)


async def test_what_no_member_opens_is_nobodys_and_a_deal_is_somebodys(office: Office) -> None:
    before = await state(office)
    unnamed = {key: value for key, value in record(office, "周销售").items() if key != "owner_id"}
    stranger = str(new_id())  # has the id of a member, and is none
    for who, role in (("外人", "rep"), (stranger, "rep"), (stranger, "admin"), ("外人", "admin")):
        answer = await office.ask(
            *("pipeline", who, role, "POST", "/v1/deals"),
            json=unnamed,
            headers={"Idempotency-Key": f"nobody{who}{role}".encode().hex()},
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "owner_missing")
        assert answer.json()["errors"][0]["pointer"] == "/owner_id"
        if role == "rep":
            answer = await office.ask(
                "pipeline", who, role, "POST", "/v1/accounts", json={"name": "无主"}
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "not_within_reach")
    assert await state(office) == before
    answer = await office.ask(
        "pipeline", stranger, "admin", "POST", "/v1/accounts", json={"name": "无主"}
    )
    assert answer.json()["owner_id"] is None
    office.of("accounts", answer.json()["id"])


async def test_a_seller_shares_a_deal_with_any_member_and_keeps_it(office: Office) -> None:
    """Who has a share sees the deal and changes nothing of it; the owner does both."""
    parts = [{"member_id": str(office.ids[name]), "share": "0.5"} for name in ("周销售", "孙队长")]
    opened = await office.ask(
        *("pipeline", "周销售", "rep", "POST", "/v1/deals"),
        json=record(office, "周销售", shares=parts),
        headers={"Idempotency-Key": "shared-from-the-start"},
    )
    assert opened.status_code == 201, opened.text
    path = f"/v1/deals/{opened.json()['id']}"
    whole = {"shares": [{"member_id": str(office.ids["钱销售"]), "share": "1"}]}
    refused = await office.ask(
        *("pipeline", "孙队长", "rep", "PATCH", path), json=whole, headers={"If-Match": "*"}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "not_within_reach")
    unknown = {"shares": [{"member_id": str(new_id()), "share": "1"}]}
    refused = await office.ask(
        *("pipeline", "周销售", "rep", "PATCH", path), json=unknown, headers={"If-Match": "*"}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "not_within_reach")
    assert refused.json()["errors"][0]["pointer"] == "/shares"
    given = await office.ask(
        *("pipeline", "周销售", "rep", "PATCH", path), json=whole, headers={"If-Match": "*"}
    )
    assert given.status_code == 200, given.text
    for who, status in (("周销售", 200), ("钱销售", 200), ("孙队长", 404), ("吴销售", 404)):
        seen = await office.ask("pipeline", who, "rep", "GET", path)
        assert seen.status_code == status, who
    office.of("deals", opened.json()["id"], "周销售 钱销售")


async def test_a_deal_cannot_name_an_account_out_of_sight(office: Office) -> None:
    """It would show the account to whoever has the deal."""
    (account,) = (key for key, one in office.rows["accounts"].items() if one.members == {"吴销售"})
    answer = await office.ask(
        *("pipeline", "周销售", "rep", "POST", "/v1/deals"),
        json=record(office, "周销售", account_id=account),
        headers={"Idempotency-Key": "out-of-sight"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_account")


async def test_who_may_change_changes(office: Office) -> None:
    """A seller opens a deal; a manager gives it to another of the team, who could not take it."""
    answer = await office.ask(
        *("pipeline", "马将调", "rep", "POST", "/v1/deals"),
        json=record(office, "马将调"),
        headers={"Idempotency-Key": "of-my-own"},
    )
    assert answer.status_code == 201, answer.text
    deal_id = answer.json()["id"]
    body = {"owner_id": str(office.ids["吴销售"])}
    more = {"json": body, "headers": {"If-Match": '"1"'}}
    path = f"/v1/deals/{deal_id}"
    refused = await office.ask("pipeline", "马将调", "rep", "PATCH", path, **more)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_within_reach")
    given = await office.ask("pipeline", "陈队长", "manager", "PATCH", path, **more)
    assert given.status_code == 200, given.text
    office.of("deals", deal_id, "吴销售")


@pytest.mark.parametrize("role", ["admin", "sales_ops", "integration"])
async def test_nobody_sets_the_own_target(office: Office, role: str) -> None:
    own = {
        "scope": "member",
        "scope_id": str(office.ids["陈队长"]),
        "metric": "revenue",
        "period": "2026-Q3",
        "value": "1.00",
        "currency": "CNY",
    }
    led = own | {"scope": "unit", "scope_id": str(office.ids["上海一队"])}
    other = own | {"scope_id": str(office.ids["何无队"])}
    for body in (own, led):
        for path, sent in (("/v1/targets", body), ("/v1/targets/bulk", {"targets": [body]})):
            method = "PUT" if path == "/v1/targets" else "POST"
            answer = await office.ask("targets", "陈队长", role, method, path, json=sent)
            assert (answer.status_code, answer.json()["code"]) == (403, "own_benefit")
    answer = await office.ask("targets", "林总监", role, "PUT", "/v1/targets", json=other)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    office.of("targets", made["id"], "何无队")
    office.of("attainments", made["attainment_id"], "何无队")


@pytest.mark.parametrize("role", ["admin", "sales_ops", "finance"])
async def test_nobody_decides_on_the_own_pay(office: Office, role: str) -> None:
    (plan,) = (key for key, one in office.rows["plans"].items() if one.members == {"陈队长"})
    own = {"payee_ids": [str(office.ids[name]) for name in ("何无队", "陈队长")]}
    for last, body in (
        ("assignments", own | {"valid_from": "2030-01-01", "valid_to": None}),
        ("assignments/end", own | {"valid_to": "2030-01-01"}),
    ):
        path = f"/v1/plans/{plan}/{last}"
        answer = await office.ask("performance", "陈队长", role, "POST", path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "own_benefit")
        assert answer.json()["errors"][0]["pointer"] == "/payee_ids/1"


@pytest.mark.parametrize("role", ["admin", "sales_ops", "finance"])
async def test_nobody_changes_the_plan_that_pays_them(office: Office, role: str) -> None:
    """Whoever is assigned is refused; who is not gets as far as the rule of the field."""
    (plan_id,) = (key for key, one in office.rows["plans"].items() if one.members == {"陈队长"})
    path = f"/v1/plans/{plan_id}/versions"
    terms = {key: value for key, value in plan().items() if key != "name"}
    more = {"json": terms | {"valid_from": "2016-01-01"}, "headers": {"If-Match": "*"}}
    own = await office.ask("performance", "陈队长", role, "POST", path, **more)
    assert (own.status_code, own.json()["code"]) == (403, "own_benefit")
    other = await office.ask("performance", "林总监", role, "POST", path, **more)
    assert (other.status_code, other.json()["code"]) == (409, "version_not_later"), other.text
