"""Plans over HTTP: what they may say, once and in which order."""

from collections.abc import AsyncIterator

import orjson
import pytest

from shared.ids import derived_id
from tests.service.conftest import Installation
from tests.service.performance_world import (
    Json,
    World,
    amounts,
    commission,
    deal,
    performance,
    plan,
    team,
    tiers,
)

LI, WANG = (derived_id("member", name) for name in ("李雷", "王芳"))
EAST = derived_id("unit", "华东大区")
ANY = {"If-Match": "*"}
EXTERNAL = "/v1/plans/by-external/maven/提成方案-2017"


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[World]:
    async with performance(installation) as made:
        yield made


def version(**changes: object) -> Json:
    body = plan(**changes)
    del body["name"]
    return body


async def test_a_plan_answers_with_what_it_was_made_of(world: World) -> None:
    made = await world.make()
    assert (made["version"], made["name"], made["external"]) == (1, "销售提成 2017", None)
    (first,) = made["versions"]
    assert first["components"] == [commission()]
    assert (first["number"], first["valid_from"], first["currency"]) == (1, "2017-01-01", "CNY")
    read = await world.http.get(f"/v1/plans/{made['id']}")
    listed = await world.http.get("/v1/plans")
    assert read.json() == made
    assert listed.json() == {"items": [made], "next": None}


async def test_a_plan_and_its_assignments_are_told(world: World) -> None:
    made = await world.make(payees=[LI, WANG])
    told = [(row["type"], orjson.loads(row["payload"])) for row in await world.outbox("plan")]
    assert [kind for kind, _ in told] == [
        "pharos.performance.plan.saved.v1",
        "pharos.performance.plan.assigned.v1",
        "pharos.performance.plan.assigned.v1",
    ]
    assert told[0][1] == {
        "version": 1,
        "plan_id": made["id"],
        "plan_version": 1,
        "name": "销售提成 2017",
        "valid_from": "2017-01-01",
    }
    assert [payload["payee_id"] for _, payload in told[1:]] == [str(LI), str(WANG)]
    assert {payload["version"] for _, payload in told[1:]} == {1}
    ids = [derived_id("assignment", made["id"], payee, "2017-01-01") for payee in (LI, WANG)]
    assert [payload["assignment_id"] for _, payload in told[1:]] == list(map(str, ids))


async def test_a_plan_of_an_external_id_is_made_once(world: World) -> None:
    first = await world.http.put(EXTERNAL, json=plan())
    again = await world.http.put(EXTERNAL, json=plan())
    other = await world.http.put(EXTERNAL, json=plan(name="Another"))
    assert (first.status_code, again.json()) == (200, first.json())
    assert first.json()["external"] == {"source": "maven", "id": "提成方案-2017"}
    assert (other.status_code, other.json()["code"]) == (409, "plan_differs")
    assert len(await world.outbox("plan.saved")) == 1


async def test_the_same_load_is_unchanged_after_a_version_was_added(world: World) -> None:
    first = await world.http.put(EXTERNAL, json=plan())
    path = f"/v1/plans/{first.json()['id']}/versions"
    half = version(valid_from="2017-07-01")
    unnamed = await world.http.post(path, json=half)
    assert (unnamed.status_code, unnamed.json()["code"]) == (428, "version_required")
    stale = await world.http.post(path, json=half, headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")
    known = {"If-Match": first.headers["etag"]}
    added = await world.http.post(path, json=half, headers=known)
    again = await world.http.put(EXTERNAL, json=plan())
    assert (added.status_code, again.json()) == (201, added.json())
    assert [one["number"] for one in again.json()["versions"]] == [1, 2]


async def test_assigning_again_in_the_same_way_changes_nothing(world: World) -> None:
    made = await world.make(payees=[LI])
    before = await world.outbox()
    again = await world.assign(made["id"], LI)
    assert again.status_code == 200
    assert again.json()["assignments"] == [
        {
            "id": str(derived_id("assignment", made["id"], LI, "2017-01-01")),
            "plan_id": made["id"],
            "payee_id": str(LI),
            "valid_from": "2017-01-01",
            "valid_to": None,
        }
    ]
    assert await world.outbox() == before


async def test_a_payee_is_assigned_once_at_a_time(world: World) -> None:
    made = await world.make()
    await world.assign(made["id"], WANG, valid_from="2017-01-01", valid_to="2017-04-01")
    overlapping = await world.assign(made["id"], LI, WANG, valid_from="2017-03-31")
    following = await world.assign(made["id"], LI, WANG, valid_from="2017-04-01")
    assert (overlapping.status_code, overlapping.json()["code"]) == (409, "assignments_overlap")
    assert [fault["pointer"] for fault in overlapping.json()["errors"]] == ["/payee_ids/1"]
    assert following.status_code == 200


async def test_nobody_is_assigned_when_one_cannot_be(world: World) -> None:
    made = await world.make(payees=[WANG])
    await world.assign(made["id"], LI, WANG, valid_from="2017-02-01")
    await world.tell(deal({LI: "1000"}))
    assert await world.outbox("incentive") == []


ASSIGNMENTS_REFUSED: list[tuple[Json, str, str]] = [
    ({"payee_ids": [str(LI), str(LI)]}, "/payee_ids/1", "payee_twice"),
    ({"payee_ids": []}, "/payee_ids", "list_too_short"),
    ({"payee_ids": [str(LI)] * 501}, "/payee_ids", "list_too_long"),
    ({"payee_ids": ["李雷"]}, "/payee_ids/0", "id_invalid"),
    ({"valid_from": "2016-12-31"}, "/valid_from", "assigned_before_plan"),
    ({"valid_to": "2017-01-01"}, "/valid_to", "assignment_empty"),
    ({"valid_to": "2017-02-30"}, "/valid_to", "date_invalid"),
]


async def test_an_assignment_that_cannot_be_is_refused_with_its_place(world: World) -> None:
    made = await world.make()
    sent = {"payee_ids": [str(LI)], "valid_from": "2017-01-01", "valid_to": None}
    for changes, pointer, code in ASSIGNMENTS_REFUSED:
        path = f"/v1/plans/{made['id']}/assignments"
        assert await refusal(world, path, sent | changes) == (422, pointer, code)
    assert await world.outbox("plan.assigned") == []


async def refusal(world: World, path: str, body: Json) -> tuple[int, str, str]:
    """Return the status and the one place and code of a refusal."""
    answer = await world.http.post(path, json=body, headers=ANY)
    (fault,) = answer.json()["errors"]
    return answer.status_code, fault["pointer"], fault["code"]


def with_tiers(*rows: tuple[str, str | None, str], **switches: object) -> Json:
    """A commission whose table has these tiers, in amounts unless a switch says otherwise."""
    changed = amounts(*rows)
    changed["table"] |= switches
    return commission(**changed)


BY_SHARES = {"bounds": "share_of_quota"}
NEEDLESS = {**amounts(("0", None, "0")), "without_quota": amounts(("0", None, "0"))["table"]}


COMPONENTS_REFUSED: list[tuple[Json, str, str]] = [
    (with_tiers(("1", None, "0")), "/table/tiers/0/from", "table_starts_elsewhere"),
    (with_tiers(("0", "9", "0")), "/table/tiers/0/to", "last_tier_closed"),
    (with_tiers(("0", None, "0"), ("9", None, "0")), "/table/tiers/0/to", "tier_open_inside"),
    (with_tiers(("0", "9", "0"), ("10", None, "0")), "/table/tiers/1/from", "tier_gap"),
    (with_tiers(("0", "9", "0"), ("8", None, "0")), "/table/tiers/1/from", "tiers_overlap"),
    (with_tiers(("0", "0", "0"), ("0", None, "0")), "/table/tiers/0/to", "tier_empty"),
    (with_tiers(("-1", None, "0")), "/table/tiers/0/from", "table_starts_elsewhere"),
    (with_tiers(("0", None, "10.1")), "/table/tiers/0/rate", "rate_invalid"),
    (with_tiers(("0", None, "NaN")), "/table/tiers/0/rate", "rate_invalid"),
    (with_tiers(), "/table/tiers", "list_too_short"),
    (with_tiers(("0", None, "0"), mode="上"), "/table/mode", "choice_unknown"),
    (commission(**NEEDLESS), "/without_quota", "without_quota_needless"),
    (
        commission(without_quota=commission()["table"]),
        "/without_quota/bounds",
        "without_quota_by_shares",
    ),
    (team(EAST, **amounts(("0", None, "0.05"))), "/table/bounds", "unit_by_amounts"),
    (
        team(EAST, without_quota=commission()["without_quota"]),
        "/without_quota",
        "unit_without_quota",
    ),
    (commission(kind="bonus"), "/kind", "choice_unknown"),
    (commission(period="month"), "/period", "choice_unknown"),
    (commission(measure={"kind": "luck"}), "/measure", "choice_unknown"),
    (
        commission(measure={"kind": "own_credits", "metric": "units"}),
        "/measure/metric",
        "choice_unknown",
    ),
    (commission(cap="100"), "/cap", "unknown_field"),
]


async def test_a_component_that_cannot_be_is_refused_with_its_place(world: World) -> None:
    for component, pointer, code in COMPONENTS_REFUSED:
        body = plan(commission(key="好"), component)
        assert await refusal(world, "/v1/plans", body) == (422, f"/components/1{pointer}", code)
    assert await world.outbox() == []


async def test_no_switch_of_a_table_has_a_default(world: World) -> None:
    for switch in ("mode", "boundary", "bounds", "tiers"):
        component = commission()
        del component["table"][switch]
        found = await refusal(world, "/v1/plans", plan(component))
        assert found == (422, f"/components/0/table/{switch}", "missing")


async def test_a_key_names_one_component(world: World) -> None:
    found = await refusal(world, "/v1/plans", plan(commission(), commission()))
    assert found == (422, "/components/1/key", "component_twice")


async def test_a_version_that_cannot_follow_is_refused(world: World) -> None:
    made = await world.make()
    path = f"/v1/plans/{made['id']}/versions"
    late, early = version(valid_from="2017-08-01"), version(valid_from="2017-01-01")
    dollars = version(valid_from="2017-07-01", currency="USD")
    assert await refusal(world, path, late) == (422, "/valid_from", "plan_starts_mid_period")
    assert await refusal(world, path, early) == (409, "/valid_from", "version_not_later")
    assert await refusal(world, path, dollars) == (409, "/currency", "plan_currency_fixed")


async def test_a_refusal_is_told_in_the_language_of_the_caller(world: World) -> None:
    answer = await world.http.post(
        "/v1/plans", json=plan(valid_from="2017-08-01"), headers={"Accept-Language": "zh-CN"}
    )
    assert answer.json()["detail"] == (
        "方案版本须自季度首日生效，请填写 2017-07-01 或 2017-10-01。"
    )


async def test_an_unknown_plan_is_not_found(world: World) -> None:
    answers = [
        await world.http.get(f"/v1/plans/{LI}"),
        await world.http.post(f"/v1/plans/{LI}/versions", json=version(), headers=ANY),
        await world.assign(str(LI), WANG),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "plan_not_found")


async def test_the_same_key_makes_one_plan(world: World) -> None:
    key = {"Idempotency-Key": "plan-2017"}
    first = await world.http.post("/v1/plans", json=plan(), headers=key)
    again = await world.http.post("/v1/plans", json=plan(), headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert len((await world.http.get("/v1/plans")).json()["items"]) == 1


async def test_who_may_not_write_plans_makes_none(installation: Installation) -> None:
    async with installation.api("performance", roles=("auditor",)) as http:
        made = await http.post("/v1/plans", json=plan())
        read = await http.get("/v1/plans")
    assert (made.status_code, made.json()["code"]) == (403, "permission_missing")
    assert read.status_code == 200


async def test_bounds_keep_their_digits(world: World) -> None:
    table = {**commission()["table"], "tiers": tiers(("0", "0.80", "0.01"), ("0.80", None, "0.1"))}
    made = await world.make(commission(table=table))
    (component,) = made["versions"][0]["components"]
    assert component["table"]["tiers"] == table["tiers"]


async def test_a_plan_on_a_unit_is_assigned_by_whole_quarters(world: World) -> None:
    made = await world.make(team(EAST))
    path = f"/v1/plans/{made['id']}/assignments"
    sent = {"payee_ids": [str(LI)], "valid_from": "2017-04-01", "valid_to": None}
    for changes, pointer in (
        ({"valid_from": "2017-06-30"}, "/valid_from"),
        ({"valid_to": "2017-07-02"}, "/valid_to"),
    ):
        assert await refusal(world, path, sent | changes) == (422, pointer, "assigned_mid_period")
    await world.assign(made["id"], LI, valid_from="2017-04-01")
    ending = {"payee_ids": [str(LI)], "valid_to": "2017-06-30"}
    assert await refusal(world, f"{path}/end", ending) == (422, "/valid_to", "assigned_mid_period")


async def test_a_version_on_a_unit_cannot_follow_for_who_is_assigned_for_part_of_a_quarter(
    world: World,
) -> None:
    made = await world.make()
    await world.assign(made["id"], LI, valid_to="2017-08-15")
    path = f"/v1/plans/{made['id']}/versions"
    follows = version(valid_from="2017-07-01", components=[team(EAST)])
    answer = await world.http.post(path, json=follows, headers=ANY)
    assert (answer.status_code, answer.json()["code"]) == (409, "assigned_for_part_of_quarter")
    # From October on the payee has nothing to do with it.
    later = await world.http.post(path, json=follows | {"valid_from": "2017-10-01"}, headers=ANY)
    assert later.status_code == 201


async def test_assignments_are_listed_by_payee_and_day(world: World) -> None:
    made = await world.make()
    first, second = sorted((LI, WANG))
    await world.assign(made["id"], LI, WANG, valid_to="2017-04-01")
    await world.assign(made["id"], first, valid_from="2017-07-01")
    path = f"/v1/plans/{made['id']}/assignments?limit=2"
    one = (await world.http.get(path)).json()
    rest = (await world.http.get(f"{path}&cursor={one['next']}")).json()
    found = [(a["payee_id"], a["valid_from"], a["valid_to"]) for a in one["items"] + rest["items"]]
    assert found == [
        (str(first), "2017-01-01", "2017-04-01"),
        (str(first), "2017-07-01", None),
        (str(second), "2017-01-01", "2017-04-01"),
    ]
    assert rest["next"] is None
    missing = await world.http.get(f"/v1/plans/{LI}/assignments")
    assert (missing.status_code, missing.json()["code"]) == (404, "plan_not_found")


async def test_an_assignment_without_end_can_be_ended_and_is_told(world: World) -> None:
    made = await world.make(payees=[LI])
    ended = await world.end(made["id"], LI, valid_to="2017-06-01")
    (assignment,) = ended.json()["assignments"]
    assert (ended.status_code, assignment["valid_to"]) == (200, "2017-06-01")
    told = [orjson.loads(row["payload"]) for row in await world.outbox("plan.assigned")]
    assert [(event["version"], event["valid_to"]) for event in told] == [
        (1, None),
        (2, "2017-06-01"),
    ]
    assert {event["assignment_id"] for event in told} == {assignment["id"]}
    again = await world.end(made["id"], LI, valid_to="2017-06-01")
    assert again.json() == ended.json()
    assert len(await world.outbox("plan.assigned")) == 2
    following = await world.assign(made["id"], LI, valid_from="2017-06-01")
    assert following.status_code == 200


async def test_an_end_that_cannot_be_is_refused_with_its_place(world: World) -> None:
    made = await world.make(payees=[LI])
    path = f"/v1/plans/{made['id']}/assignments/end"
    sent = {"payee_ids": [str(LI)], "valid_to": "2017-06-01"}
    for changes, status, pointer, code in (
        ({"payee_ids": [str(LI), str(WANG)]}, 409, "/payee_ids/1", "payee_not_assigned"),
        ({"payee_ids": [str(LI), str(LI)]}, 422, "/payee_ids/1", "payee_twice"),
        ({"valid_to": "2017-01-01"}, 422, "/valid_to", "assignment_empty"),
        ({"valid_to": None}, 422, "/valid_to", "date_invalid"),
    ):
        assert await refusal(world, path, sent | changes) == (status, pointer, code)
    (listed,) = (await world.http.get(f"/v1/plans/{made['id']}/assignments")).json()["items"]
    assert listed["valid_to"] is None


async def test_an_overlap_with_an_assignment_without_end_names_the_remedy(world: World) -> None:
    made = await world.make(payees=[LI])
    answer = await world.assign(made["id"], LI, valid_from="2017-03-01")
    assert (answer.status_code, answer.json()["code"]) == (409, "assigned_without_end")
    assert answer.json()["detail"] == (
        f"Payee {LI} is assigned from 2017-01-01 without end. End that assignment first."
    )
