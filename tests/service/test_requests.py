"""Requests as nobody should send them, and as other systems do: every service, one door."""

from collections.abc import AsyncIterator

import pytest

from tests.service.conftest import Installation
from tests.service.performance_world import plan

TEAM = {"name": "一队", "kind": "team", "parent_id": None, "valid_from": "2020-01-01"}
MEMBER = {"name": "王芳", "unit_id": None, "valid_from": "2020-01-01"}


@pytest.mark.parametrize("noun", ["attainments", "targets"])
@pytest.mark.parametrize("period", ["%00", "2026-Q5", "二〇二六", "2026-Q4%0A", "%F0%9F%A4%B7"])
async def test_a_period_that_is_none_is_refused(
    installation: Installation, noun: str, period: str
) -> None:
    async with installation.api("targets") as api:
        answer = await api.get(f"/v1/{noun}?period={period}")
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["parameter"], error["code"]) == ("period", "period_invalid")
        assert (await api.get(f"/v1/{noun}?period=2026-Q4")).status_code == 200


@pytest.mark.parametrize("cursor", ["%00", "灯塔", "bm9wZQ==%0A"])
async def test_a_cursor_that_is_none_is_refused(installation: Installation, cursor: str) -> None:
    async with installation.api("targets") as api:
        assert (await api.get(f"/v1/units?cursor={cursor}")).status_code == 422


@pytest.mark.parametrize("written", ["ERP-2025/0042", "ERP-2025%2F0042"])
@pytest.mark.parametrize(
    ("service", "path", "body"),
    [
        ("targets", "units/by-external/erp", TEAM),
        ("targets", "members/by-external/erp", MEMBER),
        ("pipeline", "accounts/by-external/erp", {"name": "上海灯塔"}),
        ("pipeline", "products", {"name": "灯"}),
        ("performance", "plans/by-external/erp", plan()),
    ],
)
async def test_an_id_of_another_system_may_hold_a_slash(
    installation: Installation, service: str, path: str, body: dict[str, object], written: str
) -> None:
    async with installation.api(service) as api:
        answer = await api.put(f"/v1/{path}/{written}", json=body)
        assert answer.status_code == 200, answer.text
        saved = answer.json()
        assert saved.get("code", (saved.get("external") or {}).get("id")) == "ERP-2025/0042"
        assert (await api.put(f"/v1/{path}/%20", json=body)).status_code == 422


async def test_a_key_is_its_users_own(installation: Installation) -> None:
    issuer, path = installation.servers.issuer, "/v1/accounts"
    async with installation.api("pipeline") as api:
        made = []
        for subject in ("王芳", "李强", "王芳"):
            headers = {
                "Authorization": f"Bearer {issuer.token(subject, ('admin',))}",
                "Idempotency-Key": "1",
            }
            made.append(await api.post(path, json={"name": "上海灯塔"}, headers=headers))
    first, second, again = (answer.json()["id"] for answer in made)
    assert first == again
    assert first != second


async def test_a_body_that_says_it_is_too_long_is_refused_unread(
    installation: Installation,
) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"{")
        yield b"{"

    limit = installation.settings("pipeline").body_limit_bytes
    headers = {"content-type": "application/json"}
    async with installation.api("pipeline") as api:
        for length, refused in ((limit, 422), (limit + 1, 413)):
            read.clear()
            sent = {**headers, "content-length": str(length)}
            answer = await api.post("/v1/accounts", content=body(), headers=sent)
            assert (answer.status_code, len(read)) == (refused, refused == 422)
