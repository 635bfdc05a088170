"""A service takes the member and the roles from the claims that its settings name."""

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from deploy.local.http_server import HttpServer
from tests.service.conftest import Installation
from tests.service.test_token_verification import (
    AUDIENCE,
    ISSUER,
    MEMBER,
    Published,
    Said,
    token,
)

LOGIN: Final = "f:9a1c:王芳"
"""The subject at an issuer whose subjects are no members."""
KEYCLOAK: Final[Said] = {
    "sub": LOGIN,
    "roles": ["admin"],  # of another system
    "employee_id": str(MEMBER),
    "realm_access": {"roles": ["rep", "offline_access"]},
}
NAMED: Final = {"member_claim": "employee_id", "roles_claim": "realm_access.roles"}
BODY: Final = {"name": "上海灯塔", "owner_id": str(MEMBER)}


@pytest.fixture(scope="module")
async def keys_url() -> AsyncIterator[str]:
    http = HttpServer()
    await http.start(Starlette(routes=[Route("/keys", Published().__call__)]))
    yield f"{http.base_url}/keys"
    await http.stop()


async def opened(
    installation: Installation, keys_url: str, said: Said, **named: str
) -> httpx.Response:
    """Open an account of a member with a token that says so."""
    issued: Any = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": keys_url, **named}
    async with installation.api("pipeline", **issued) as client:
        headers = {"Authorization": f"Bearer {token(said)}"}
        return await client.post("/v1/accounts", json=BODY, headers=headers)


async def test_the_named_claims_say_who_asks_and_in_which_roles(
    installation: Installation, keys_url: str
) -> None:
    answer = await opened(installation, keys_url, KEYCLOAK, **NAMED)
    assert (answer.status_code, answer.json()["owner_id"]) == (201, str(MEMBER))
    async with installation.open("pipeline") as database, database.acquire() as conn:
        noted = orjson.loads(await conn.fetchval("SELECT content FROM audit_pending"))
    assert (noted["actor"], noted["roles"]) == (LOGIN, ["offline_access", "rep"])


@pytest.mark.parametrize(
    ("named", "said", "code"),
    [
        # The member is not where the settings say: nobody asks, and nobody has nothing.
        ({**NAMED, "member_claim": "sub"}, {}, "not_within_reach"),
        (NAMED, {"employee_id": "E-1024"}, "not_within_reach"),
        (NAMED, {"employee_id": [str(MEMBER)]}, "not_within_reach"),
        # The roles are not.
        (NAMED, {"realm_access": {"roles": ["auditor"]}}, "permission_missing"),
        (NAMED, {"realm_access": ["rep"]}, "permission_missing"),
        ({**NAMED, "roles_claim": "resource_access.pharos.roles"}, {}, "permission_missing"),
    ],
)
async def test_what_stands_elsewhere_in_a_token_counts_for_nothing(
    installation: Installation, keys_url: str, named: dict[str, str], said: Said, code: str
) -> None:
    answer = await opened(installation, keys_url, {**KEYCLOAK, **said}, **named)
    assert (answer.status_code, answer.json()["code"]) == (403, code), answer.text


async def test_where_nothing_is_named_the_standard_claims_count(
    installation: Installation, keys_url: str
) -> None:
    said = {"sub": str(MEMBER), "roles": ["rep"], "employee_id": LOGIN}
    answer = await opened(installation, keys_url, said)
    assert (answer.status_code, answer.json()["owner_id"]) == (201, str(MEMBER))
