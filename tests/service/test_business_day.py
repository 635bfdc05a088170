"""The day of business begins where the installation says, and with it who belongs where."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from shared import clock
from shared.auth import scope
from shared.context import Asked, Context, Installation
from shared.ids import new_id
from tests.service import conftest

SHANGHAI = Installation(zone=ZoneInfo("Asia/Shanghai"))


def asked_by(member_id: UUID, now: datetime, installation: Installation) -> Context:
    asked = Asked("crm", ("manager",), "GET", "/v1/deals", None, "deals:read", member_id)
    return Context(str(member_id), now, new_id(), installation, asked=asked)


async def saved(api: httpx.AsyncClient, noun: str, name: str, **body: Any) -> UUID:
    answer = await api.put(f"/v1/{noun}/by-external/hr/{name}", json={"name": name, **body})
    assert answer.status_code == 200, answer.text
    return UUID(answer.json()["id"])


async def test_who_moves_on_a_day_is_led_elsewhere_from_its_midnight_in_shanghai(
    installation: conftest.Installation,
) -> None:
    async with installation.api("targets") as api, installation.open("targets") as database:
        since = {"valid_from": "2026-01-01"}
        unit: dict[str, Any] = {"kind": "team", "parent_id": None, **since}
        hangzhou = await saved(api, "units", "杭州二队", **unit)
        shanghai = await saved(api, "units", "上海一队", **unit)
        chen = await saved(api, "members", "陈队长", unit_id=str(shanghai), leads=True, **since)
        await saved(api, "members", "陆调入", unit_id=str(hangzhou), **since)
        lu = await saved(api, "members", "陆调入", unit_id=str(shanghai), valid_from="2026-04-01")

        async def is_led(moment: str, zone: Installation) -> bool:
            ctx = asked_by(chen, datetime.fromisoformat(moment), zone)
            async with database.acquire() as conn:
                return not await scope.members_outside(conn, scope.sight(ctx), [lu])

        assert not await is_led("2026-03-31T15:59:59+00:00", SHANGHAI)
        assert await is_led("2026-03-31T16:00:00+00:00", SHANGHAI)
        assert await is_led("2026-04-01T00:00:00+08:00", SHANGHAI)
        assert not await is_led("2026-03-31T16:00:00+00:00", Installation())
        assert await is_led("2026-04-01T00:00:00+00:00", Installation())


@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12"])
async def test_an_organisation_of_today_is_of_the_day_of_business(
    installation: conftest.Installation, zone: str
) -> None:
    """One of both zones has another day than UTC, whenever this runs."""
    async with installation.api("targets", time_zone=zone) as api:
        today = clock.now().astimezone(ZoneInfo(zone)).date()
        tomorrow = today + timedelta(days=1)
        unit: dict[str, Any] = {"kind": "team", "parent_id": None, "valid_from": "2020-01-01"}
        here = await saved(api, "units", "上海一队", **unit)
        there = await saved(api, "units", "杭州二队", **unit)
        member_id = await saved(
            api, "members", "马将调", unit_id=str(here), valid_from=today.isoformat()
        )
        await saved(api, "members", "马将调", unit_id=str(there), valid_from=tomorrow.isoformat())
        found = (await api.get(f"/v1/members/{member_id}")).json()
        (listed,) = (await api.get("/v1/members")).json()["items"]
        if clock.now().astimezone(ZoneInfo(zone)).date() == today:  # midnight has not come since
            assert found["unit_id"] == listed["unit_id"] == str(here)


def test_without_a_zone_the_day_is_that_in_utc() -> None:
    moment = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    assert Installation().day(moment).isoformat() == "2026-03-31"
    assert SHANGHAI.day(moment).isoformat() == "2026-04-01"


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "Asia", "../../etc/passwd", "UTC+8"])
def test_a_service_refuses_to_start_with_a_time_zone_that_is_none(
    installation: conftest.Installation, name: str
) -> None:
    with pytest.raises(ValueError, match="give an IANA name such as Asia/Shanghai"):
        installation.settings("targets", time_zone=name)
