"""The built-in issuer: standard tokens for machine clients, and only inside the runner."""

import base64
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.installation import SERVICES
from deploy.local.clients import DEMO_CLIENT, client_of
from deploy.local.errors import IssuerRefused
from deploy.local.http_server import HttpServer
from deploy.local.issuer import Issuer
from deploy.serving import Prefixed
from shared.auth.client import TokenSource
from shared.auth.principal import TokenRefused
from shared.auth.tokens import KeySet, Verifier

MEMBER = "0192d7a4-5d1c-7c3e-8f00-000000000001"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture(scope="module")
async def issuer(folder: Path) -> AsyncIterator[Issuer]:
    server = HttpServer()
    made = Issuer(folder, url=f"{server.base_url}/issuer", embedded=True)
    await server.start(Prefixed(made, "/issuer"))
    yield made
    await server.stop()


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def claims_of(token: str, issuer: Issuer, http: httpx.AsyncClient) -> dict[str, Any]:
    """Verify as a stranger would: by the published key alone."""
    published = (await http.get(issuer.jwks_url)).json()
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "ES256"
    decoded: dict[str, Any] = jwt.decode(
        token,
        keys[header["kid"]],
        algorithms=["ES256"],
        issuer=issuer.url,
        audience="pharos",
        options={"require": ["iss", "aud", "exp", "iat", "sub", "jti"]},
    )
    return decoded


async def test_a_service_gets_a_token_with_the_role_service(
    issuer: Issuer, http: httpx.AsyncClient
) -> None:
    for service in SERVICES:
        name = client_of(service)
        source = TokenSource(http, issuer.token_url, name, issuer.clients[name].secret)
        claims = await claims_of(await source.token(), issuer, http)
        assert claims["sub"] == claims["client_id"] == name
        assert claims["roles"] == ["service"]
        assert claims["exp"] - claims["iat"] == 3600


async def test_the_verifier_of_the_services_accepts_its_tokens_and_no_others(
    issuer: Issuer, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    verifier = Verifier(KeySet(http, issuer.jwks_url), issuer.url, "pharos")
    principal = await verifier.principal(f"Bearer {issuer.token(MEMBER, ['rep'])}")
    assert principal.subject == MEMBER
    assert principal.roles == ("rep",)
    stranger = Issuer(tmp_path, url=issuer.url, embedded=True)
    for token in (
        stranger.token(MEMBER, ["admin"]),
        issuer.token(MEMBER, ["admin"], timedelta(minutes=-2)),
    ):
        with pytest.raises(TokenRefused):
            await verifier.principal(f"Bearer {token}")


async def test_the_form_is_as_good_as_the_header(issuer: Issuer, http: httpx.AsyncClient) -> None:
    answer = await http.post(
        issuer.token_url,
        data={
            "grant_type": "client_credentials",
            "client_id": DEMO_CLIENT,
            "client_secret": issuer.clients[DEMO_CLIENT].secret,
            "scope": "rep manager",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    claims = await claims_of(answer.json()["access_token"], issuer, http)
    assert claims["roles"] == ["rep", "manager"]
    assert claims["sub"] == DEMO_CLIENT


async def test_the_demo_client_may_speak_for_a_member_and_no_other_client_may(
    issuer: Issuer, http: httpx.AsyncClient
) -> None:
    form = {"grant_type": "client_credentials", "subject": MEMBER}
    demo = (DEMO_CLIENT, issuer.clients[DEMO_CLIENT].secret)
    answer = await http.post(issuer.token_url, data={**form, "scope": "rep"}, auth=demo)
    claims = await claims_of(answer.json()["access_token"], issuer, http)
    assert UUID(claims["sub"]) == UUID(MEMBER)
    assert claims["client_id"] == DEMO_CLIENT
    name = client_of("pipeline")
    answer = await http.post(issuer.token_url, data=form, auth=(name, issuer.clients[name].secret))
    assert answer.status_code == 400
    assert answer.json()["error"] == "unauthorized_client"


def basic(words: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(words).decode()}


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        (FORM, b"", 401, "invalid_client"),
        (FORM, b"grant_type=client_credentials&client_id=demo", 401, "invalid_client"),
        (FORM, b"client_id=nobody&client_secret=?", 401, "invalid_client"),
        (FORM, b"client_id=%E5%95%86%E6%9C%BA&client_secret=%00", 401, "invalid_client"),
        (FORM, b"client_id=%FF%FE", 400, "invalid_request"),
        (FORM, b"\xff\xfe=1", 400, "invalid_request"),
        (FORM, b"a=1&a=2", 400, "invalid_request"),
        (FORM, b"&".join(b"f%d=1" % number for number in range(99)), 400, "invalid_request"),
        (FORM, b"a=" + b"x" * 10_000, 413, "invalid_request"),
        ({}, b"grant_type=client_credentials", 400, "invalid_request"),
        ({"Content-Type": "application/json"}, b"{}", 400, "invalid_request"),
        (FORM | basic(b"demo:wrong"), b"grant_type=client_credentials", 401, "invalid_client"),
        (FORM | basic(b"demo"), b"", 401, "invalid_client"),
        (FORM | basic(b"\xff\xfe:\xff"), b"", 401, "invalid_client"),
        (FORM | {"Authorization": "Basic !!!"}, b"", 401, "invalid_client"),
        (FORM | {"Authorization": "Bearer x"}, b"", 401, "invalid_client"),
        (FORM | basic(b"demo:wrong"), b"client_id=demo", 400, "invalid_request"),
    ],
)
async def test_nonsense_is_refused_in_the_words_of_the_standard(
    issuer: Issuer,
    http: httpx.AsyncClient,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str,
) -> None:
    answer = await http.post(issuer.token_url, headers=headers, content=body)
    assert answer.status_code == status
    assert answer.json()["error"] == code
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "service"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "rep 老板"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "subject": ""}, "invalid_request"),
        ({"grant_type": "client_credentials", "subject": "张三"}, "invalid_request"),
        ({"grant_type": "client_credentials", "subject": "{" + MEMBER + "}"}, "invalid_request"),
        ({"grant_type": "client_credentials", "subject": MEMBER + "\n"}, "invalid_request"),
    ],
)
async def test_the_right_client_cannot_ask_for_everything(
    issuer: Issuer, http: httpx.AsyncClient, form: dict[str, str], code: str
) -> None:
    demo = (DEMO_CLIENT, issuer.clients[DEMO_CLIENT].secret)
    headers = FORM if not form else {}
    answer = await http.post(issuer.token_url, data=form, auth=demo, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"] == code


async def test_the_configuration_names_what_there_is(
    issuer: Issuer, http: httpx.AsyncClient
) -> None:
    found = (await http.get(f"{issuer.url}/.well-known/openid-configuration")).json()
    assert found["issuer"] == issuer.url
    assert (await http.get(found["jwks_uri"])).json()["keys"][0]["kty"] == "EC"
    assert (await http.get(found["token_endpoint"])).status_code == 405
    assert found["grant_types_supported"] == ["client_credentials"]


async def test_the_private_half_of_the_key_is_not_published(
    issuer: Issuer, http: httpx.AsyncClient
) -> None:
    (key,) = (await http.get(issuer.jwks_url)).json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_key_and_secrets_are_made_once_and_private(issuer: Issuer, folder: Path) -> None:
    for name in ("signing-key.pem", "clients.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    again = Issuer(folder, url=issuer.url, embedded=True)
    assert again.clients == issuer.clients
    assert again._key.key_id == issuer._key.key_id


def test_a_client_of_ones_own_may_be_added_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "clients.json").write_text(
        '{"erp": {"secret": "sixteen-letters-or-more", "roles": ["integration"]}}'
    )
    issuer = Issuer(tmp_path, url="http://127.0.0.1:1", embedded=True)
    assert issuer.clients["erp"].roles == ("integration",)
    assert not issuer.clients["erp"].may_impersonate
    assert DEMO_CLIENT in issuer.clients


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"erp": {"secret": "short", "roles": []}}',
        '{"erp": {"secret": "sixteen-letters-or-more", "roles": ["boss"]}}',
        '{"erp": {"secret": "sixteen-letters-or-more", "roles": [], "admin": true}}',
    ],
)
def test_a_file_edited_into_nonsense_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "clients.json").write_text(text)
    with pytest.raises(IssuerRefused, match=r"clients\.json"):
        Issuer(tmp_path, url="http://127.0.0.1:1", embedded=True)


def test_it_refuses_to_run_outside_the_embedded_runner(tmp_path: Path) -> None:
    with pytest.raises(IssuerRefused, match="pharos run"):
        Issuer(tmp_path, url="http://127.0.0.1:8700/issuer")


@pytest.mark.parametrize(
    "url",
    ["http://0.0.0.0:1", "http://192.0.2.1:1", "http://pharos.example/issuer", "", "http://[::]:1"],
)
def test_it_refuses_an_address_that_others_can_reach(tmp_path: Path, url: str) -> None:
    with pytest.raises(IssuerRefused, match="loopback"):
        Issuer(tmp_path, url=url, embedded=True)


async def test_it_does_not_answer_a_request_that_arrived_on_another_address(
    tmp_path: Path,
) -> None:
    issuer = Issuer(tmp_path, url="http://127.0.0.1:1", embedded=True)
    for host, status in (("127.0.0.1", 200), ("::1", 200), ("192.0.2.1", 404), ("/socket", 404)):
        transport = httpx.ASGITransport(arriving_on(issuer, host))
        async with httpx.AsyncClient(transport=transport, base_url="http://pharos") as client:
            assert (await client.get("/jwks.json")).status_code == status


def arriving_on(app: ASGIApp, host: str) -> ASGIApp:
    """Say what a server says of a connection that was made to this address of the machine."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "server": (host, 8700)}, receive, send)

    return served
