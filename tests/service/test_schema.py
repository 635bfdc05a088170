"""The schema route: what there is, and what this very caller may do with it."""

from datetime import date
from itertools import product
from typing import Any

import pytest

from services.pipeline.deals.model import Deal, Terms, Transition
from services.pipeline.deals.rules import STEPS, moved
from shared.contracts.pipeline import DealStage
from shared.errors import Refused
from shared.ids import new_id
from shared.money import Money
from tests.service.conftest import Installation

DAY = date(2026, 3, 31)


async def objects(
    installation: Installation, service: str, *roles: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema as a caller with these roles sees it, and its objects by name."""
    async with installation.api(service, roles=roles) as api:
        answer = await api.get("/v1/schema")
        assert answer.status_code == 200
        found = answer.json()
        return found, {one["name"]: one for one in found["objects"]}


async def test_fields_say_their_type_and_what_filters_and_sorts_them(
    installation: Installation,
) -> None:
    _, found = await objects(installation, "pipeline", "admin")
    fields = {field["name"]: field for field in found["deals"]["fields"]}
    assert fields["stage"]["choices"] == ["open", "won", "lost"]
    assert "eq" in fields["stage"]["filter"]
    assert (fields["owner_id"]["type"], fields["owner_id"]["format"]) == ("string", "uuid")
    assert fields["closed_on"]["nullable"] is True
    assert fields["name"]["nullable"] is False
    assert fields["shares"]["filter"] == []
    assert any(field["sorts"] for field in fields.values())


async def test_every_list_of_every_service_is_an_object(installation: Installation) -> None:
    names: dict[str, set[str]] = {}
    for service in ("targets", "pipeline", "performance"):
        names[service] = set((await objects(installation, service, "admin"))[1])
    assert {"units", "members", "targets", "attainments"} <= names["targets"]
    assert {"accounts", "products", "deals"} <= names["pipeline"]
    assert {"plans", "credits", "statements"} <= names["performance"]


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("admin", {"create": True, "read": True, "change": True}),
        ("auditor", {"create": False, "read": True, "change": False}),
        ("hr", {"create": False, "read": False, "change": False}),
    ],
)
async def test_what_a_caller_may_do_follows_from_the_roles(
    installation: Installation, role: str, may: dict[str, bool]
) -> None:
    told, found = await objects(installation, "pipeline", role)
    assert found["deals"]["may"] == may
    assert told["caller"]["roles"] == [role]
    assert all(event["allowed"] is may["read"] for event in told["events"])


async def test_a_caller_is_told_how_far_a_permission_reaches(installation: Installation) -> None:
    told, found = await objects(installation, "pipeline", "rep")
    reach = {operation["name"]: operation["reach"] for operation in found["deals"]["operations"]}
    assert told["caller"]["permissions"]["deals:write"] == "own"
    assert (reach["list_deals"], reach["open_deal"]) == ("own", "own")
    told, _ = await objects(installation, "pipeline", "rep", "manager")
    assert told["caller"]["permissions"]["deals:write"] == "team"  # the wider of the two


async def test_a_caller_without_roles_is_told_so(installation: Installation) -> None:
    told, found = await objects(installation, "pipeline")
    assert told["caller"]["permissions"] == {}
    assert found["deals"]["may"] == {"create": False, "read": False, "change": False}


async def test_nobody_is_told_anything_without_a_token(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        answer = await api.get("/v1/schema", headers={"Authorization": ""})
    assert answer.status_code == 401


async def test_the_schema_is_sent_once_to_each_caller(installation: Installation) -> None:
    async with (
        installation.api("pipeline", roles=("admin",)) as admin,
        installation.api("pipeline", roles=("auditor",)) as auditor,
    ):
        tag = {"If-None-Match": (await admin.get("/v1/schema")).headers["etag"]}
        assert (await admin.get("/v1/schema", headers=tag)).status_code == 304
        assert (await auditor.get("/v1/schema", headers=tag)).status_code == 200


@pytest.mark.parametrize(("stage", "to"), list(product(DealStage, DealStage)))
def test_the_steps_of_a_deal_are_those_that_its_rules_allow(
    stage: DealStage, to: DealStage
) -> None:
    terms = Terms("灯塔", new_id(), None, Money.of("1.00", "CNY"), (), (), DAY)
    closed_on = None if stage is DealStage.OPEN else DAY
    deal = Deal(new_id(), 1, None, terms, stage, closed_on)
    transition = Transition(deal.id, to, None if to is DealStage.OPEN else DAY)
    if to in STEPS[stage]:
        assert moved(deal, transition).stage is to
    else:
        with pytest.raises(Refused):
            moved(deal, transition)
