"""A change that says from which version it was made is made from that version only."""

from typing import Any, NamedTuple

import httpx
import pytest

from shared.ids import new_id
from tests.service.conftest import Installation
from tests.service.performance_world import plan

SELLER = str(new_id())
MEMBER = {"name": "王芳", "unit_id": None, "leads": False, "valid_from": "2020-01-01"}
UNIT = {"name": "华东", "kind": "region", "parent_id": None, "valid_from": "2020-01-01"}
DEAL = {
    "name": "灯塔项目",
    "owner_id": SELLER,
    "amount": {"amount": "1200.00", "currency": "CNY"},
    "opened_on": "2026-10-08",
}


class Put(NamedTuple):
    """What is put under a name of the caller's own, and what would change it."""

    service: str
    path: str
    body: dict[str, Any]
    change: dict[str, Any]


PUTS = [
    Put("pipeline", "/v1/accounts/by-external/crm/客户", {"name": "海鸥"}, {"name": "海鸥集团"}),
    Put("pipeline", "/v1/products/A-1", {"name": "灯"}, {"name": "大灯"}),
    Put("targets", "/v1/units/by-external/hr/东", UNIT, {"name": "华东大区"}),
    Put("targets", "/v1/members/by-external/hr/芳", MEMBER, {"name": "王芳芳"}),
    Put("performance", "/v1/plans/by-external/hr/方案", plan(), {}),
]


async def refused(answer: httpx.Response) -> None:
    """Expect a refusal for the sake of the version."""
    assert (answer.status_code, answer.json()["code"]) == (412, "version_changed"), answer.text


@pytest.mark.parametrize("put", PUTS, ids=lambda put: put.path)
async def test_what_is_put_by_name_is_changed_from_the_named_version_only(
    installation: Installation, put: Put
) -> None:
    async with installation.api(put.service) as api:
        there, not_there = {"If-Match": "*"}, {"If-None-Match": "*"}
        await refused(await api.put(put.path, json=put.body, headers=there))
        made = await api.put(put.path, json=put.body, headers=not_there)
        assert made.status_code == 200, made.text
        tag = made.headers["etag"]
        changed = {**put.body, **put.change}
        for other in (not_there, {"If-Match": '"99"'}, {"If-Match": f"W/{tag}"}):
            await refused(await api.put(put.path, json=changed, headers=other))
        assert (await api.put(put.path, json=put.body, headers=there)).headers["etag"] == tag
        named = {"If-Match": f'"99", {tag}'}
        taken = await api.put(put.path, json=changed, headers=named)
        assert taken.status_code == 200, taken.text
        assert (taken.headers["etag"] != tag) == bool(put.change)


async def test_a_target_is_set_from_the_named_version_only(installation: Installation) -> None:
    async with installation.api("targets") as api:
        member = (await api.put("/v1/members/by-external/hr/芳", json=MEMBER)).json()
        body = {"scope": "member", "scope_id": member["id"], "metric": "units", "value": "10"}
        body["period"] = "2026-Q4"
        made = await api.put("/v1/targets", json=body, headers={"If-None-Match": "*"})
        body["value"] = "12"
        await refused(await api.put("/v1/targets", json=body, headers={"If-Match": '"7"'}))
        read = await api.get(f"/v1/targets/{made.json()['id']}")
        assert read.headers["etag"] == made.headers["etag"] == '"1"'
        known = {"If-None-Match": read.headers["etag"]}
        assert (await api.get(str(read.url), headers=known)).status_code == 304
        taken = await api.put("/v1/targets", json=body, headers={"If-Match": '"1"'})
        assert (taken.status_code, taken.headers["etag"]) == (200, '"2"')


async def test_a_deal_takes_a_step_from_the_named_version_only(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        key = {"Idempotency-Key": "deal-1"}
        deal = (await api.post("/v1/deals", json=DEAL, headers=key)).json()
        path, won = f"/v1/deals/{deal['id']}", {"to": "won", "on": "2026-11-20"}
        renamed = await api.patch(path, json={"name": "航标"}, headers={"If-Match": '"1"'})
        assert renamed.headers["etag"] == '"2"'
        await refused(await api.post(f"{path}/transitions", json=won, headers={"If-Match": '"1"'}))
        taken = await api.post(f"{path}/transitions", json=won, headers={"If-Match": '"2"'})
        assert (taken.status_code, taken.json()["stage"]) == (200, "won")


async def test_where_somebody_belongs_today_is_never_said_to_be_as_before(
    installation: Installation,
) -> None:
    # A placement that was made ahead begins on its day, without a new version.
    async with installation.api("targets") as api:
        made = await api.put("/v1/members/by-external/hr/芳", json=MEMBER)
        path, known = f"/v1/members/{made.json()['id']}", {"If-None-Match": made.headers["etag"]}
        assert (await api.get(path, headers=known)).status_code == 200
        dated = await api.get(path, params={"on": "2026-10-08"}, headers=known)
        assert dated.status_code == 304
