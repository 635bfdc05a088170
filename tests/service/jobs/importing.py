"""Imports as a client makes them: send a file, follow the operation, look at the rows."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx

from shared.contracts.targets import MemberSaved
from shared.directory import upkeep
from tests.service.conftest import Installation

WAIT_SECONDS = 60
FINAL = {"done", "failed", "cancelled"}


async def send(
    client: httpx.AsyncClient, noun: str, content: bytes | str, **asked: str
) -> dict[str, Any]:
    """Send a file; return the operation as it was accepted."""
    body = content.encode() if isinstance(content, str) else content
    headers = {name: asked.pop(name) for name in ("idempotency-key",) if name in asked}
    answer = await client.post(
        "/v1/imports", params={"noun": noun, **asked}, content=body, headers=headers
    )
    assert answer.status_code == 202, answer.text
    accepted: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/operations/{accepted['id']}"
    return accepted


async def ended(
    client: httpx.AsyncClient, operation_id: str, states: set[str] = FINAL
) -> dict[str, Any]:
    """Return the operation once it has ended."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            answer = await client.get(f"/v1/operations/{operation_id}")
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            if found["state"] in states:
                return found
            await asyncio.sleep(0.05)


async def imported(
    client: httpx.AsyncClient, noun: str, content: bytes | str, **asked: str
) -> dict[str, Any]:
    """Send a file and return the operation once it has ended."""
    return await ended(client, (await send(client, noun, content, **asked))["id"])


async def known_as_members(installation: Installation, service: str, *ids: str) -> None:
    """Let a service know members, as the organisation's events would."""
    told = [MemberSaved(version=1, member_id=UUID(id_)) for id_ in ids]
    async with installation.open(service) as database:
        await database.transact(lambda conn: upkeep.apply(conn, told))


async def rows(
    client: httpx.AsyncClient, operation_id: str, outcome: str | None = None, language: str = "en"
) -> Sequence[dict[str, Any]]:
    """Return what became of the rows."""
    found: list[dict[str, Any]] = []
    asked = {} if outcome is None else {"outcome": outcome}
    while True:
        answer = await client.get(
            f"/v1/imports/{operation_id}/rows",
            params={"limit": "200", **asked},
            headers={"Accept-Language": language},
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        asked = {**asked, "cursor": page["next"]}
