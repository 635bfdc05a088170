"""What makes a token an access token of this issuer for us, and whom it makes the caller."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.http_server import HttpServer
from shared import clock
from shared.auth.client import IssuerUnavailable
from shared.auth.principal import STANDARD, Claims, Principal, TokenRefused
from shared.auth.tokens import KeySet, Verifier

ISSUER: Final = "https://login.example.com/"
AUDIENCE: Final = "pharos"
MEMBER: Final = UUID("0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10")
SECRET: Final = "公开的秘密不是秘密，谁都可以用它签名。".encode()
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
KEYS: Final[Mapping[str, tuple[str, PrivateKey]]] = {
    "椭圆": ("ES256", ec.generate_private_key(ec.SECP256R1())),
    "爱德华": ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    "旧": ("RS256", rsa.generate_private_key(65_537, 2_048)),
}
STRANGER: Final = ec.generate_private_key(ec.SECP256R1())
ABSENT: Final = object()
Said: TypeAlias = Mapping[str, object]
NOTHING: Final[Said] = MappingProxyType({})


def public(key_id: str, **more: str) -> dict[str, Any]:
    """Return the public half of a key as the issuer publishes it."""
    algorithm, key = KEYS[key_id]
    written = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())
    return {**json.loads(written), "kid": key_id, "alg": algorithm, **more}


def published_secret() -> dict[str, Any]:
    written = jwt.get_algorithm_by_name("HS256").to_jwk(SECRET)
    return {**json.loads(written), "kid": "秘密", "alg": "HS256"}


def claims(said: Said = NOTHING) -> dict[str, object]:
    """Return claims of a good token, some of them changed or absent."""
    now = clock.now()
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(MEMBER),
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "roles": ["rep"],
    }
    return {name: value for name, value in {**good, **said}.items() if value is not ABSENT}


def token(said: Said = NOTHING, *, key_id: str = "椭圆", header: Said = NOTHING) -> str:
    """Return a token that is good but for what is changed."""
    algorithm, key = KEYS[key_id]
    headers = {"typ": "at+jwt", "kid": key_id, **header}
    kept = {name: value for name, value in headers.items() if value is not ABSENT}
    return jwt.encode(claims(said), key, algorithm=algorithm, headers=kept)


class Published:
    """The issuer's keys: what is answered, or that nothing is."""

    def __init__(self) -> None:
        keys = [*map(public, KEYS), published_secret()]
        self.answer: object = {"keys": keys}
        self.away = False

    async def __call__(self, _: Request) -> Response:
        return Response(status_code=503) if self.away else JSONResponse(self.answer)


@asynccontextmanager
async def issuer() -> AsyncIterator[tuple[Published, KeySet]]:
    published = Published()
    http = HttpServer()
    await http.start(Starlette(routes=[Route("/keys", published.__call__)]))
    try:
        async with httpx.AsyncClient() as client:
            keys = KeySet(client, f"{http.base_url}/keys")
            yield published, keys
            await keys.close()
    finally:
        await http.stop()


@pytest.fixture(scope="module")
async def keys() -> AsyncIterator[KeySet]:
    """The keys of one issuer, fetched once for all that is tried on them."""
    async with issuer() as (_, fetched):
        yield fetched


async def verified(keys: KeySet, sent: str, named: Claims = STANDARD) -> Principal:
    return await Verifier(keys, ISSUER, AUDIENCE, named).principal(f"Bearer {sent}")


async def refusal(keys: KeySet, sent: str, named: Claims = STANDARD) -> str:
    with pytest.raises(TokenRefused) as refused:
        await verified(keys, sent, named)
    return refused.value.text("en")


@pytest.mark.parametrize("key_id", KEYS)
async def test_a_token_of_any_pinned_algorithm_is_taken(keys: KeySet, key_id: str) -> None:
    caller = await verified(keys, token(key_id=key_id))
    assert (caller.member_id, caller.roles) == (MEMBER, ("rep",))


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["account", AUDIENCE]])
async def test_one_of_several_audiences_may_be_ours(keys: KeySet, audience: object) -> None:
    assert (await verified(keys, token({"aud": audience}))).member_id == MEMBER


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aud": "account"}, "Audience"),
        ({"aud": ["account", "pharos-test"]}, "Audience"),
        ({"aud": []}, "aud"),
        ({"aud": {"pharos": True}}, "format"),
        ({"aud": ABSENT}, "aud"),
        ({"iss": ISSUER.rstrip("/")}, "issuer"),
        ({"iss": "https://login.example.org/"}, "issuer"),
        ({"iss": ABSENT}, "iss"),
        ({"exp": ABSENT}, "exp"),
        ({"exp": "永远"}, "Expiration"),
        ({"exp": 253_402_300_800}, "exp"),  # the year 10000
        ({"exp": float("inf")}, ""),
        ({"exp": 1}, "expired"),
        ({"nbf": 4_000_000_000}, "not yet valid"),
        ({"iat": 4_000_000_000}, "not yet valid"),
        ({"sub": ABSENT}, "sub"),
        ({"sub": 7}, "Subject"),
    ],
)
async def test_claims_that_are_not_for_us_now_are_refused(
    keys: KeySet, changes: Said, why: str
) -> None:
    assert why in await refusal(keys, token(changes))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"typ": "JWT"}, "no access token"),
        ({"typ": ABSENT}, "no access token"),
        ({"typ": "at+jwt;x"}, "no access token"),
        ({"typ": 7}, "no access token"),
        ({"kid": ABSENT}, "does not name the key"),
        ({"kid": ""}, "does not name the key"),
        ({"kid": "旧"}, "algorithm"),
        ({"kid": "未知"}, "unknown key"),
    ],
)
async def test_a_header_that_says_something_else_is_refused(
    keys: KeySet, header: Said, why: str
) -> None:
    assert why in await refusal(keys, token(header=header))


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_type_of_access_tokens_is_written_in_any_case(keys: KeySet, typ: str) -> None:
    assert (await verified(keys, token(header={"typ": typ}))).member_id == MEMBER


def signed(key: PrivateKey | bytes | str, algorithm: str, key_id: str) -> str:
    headers = {"typ": "at+jwt", "kid": key_id}
    return jwt.encode(claims(), key, algorithm=algorithm, headers=headers)


@pytest.mark.parametrize(
    "forged",
    [
        signed(STRANGER, "ES256", "椭圆"),
        signed(SECRET, "HS256", "秘密"),
        signed(SECRET, "HS256", "椭圆"),
        signed("", "none", "椭圆"),
        signed(KEYS["旧"][1], "RS512", "旧"),
    ],
    ids=["stranger", "published secret", "secret under a key", "unsigned", "not pinned"],
)
async def test_whoever_else_signs_is_refused(keys: KeySet, forged: str) -> None:
    await refusal(keys, forged)


async def test_a_changed_claim_breaks_the_signature(keys: KeySet) -> None:
    head, _, signature = token().split(".")
    _, body, _ = token({"roles": ["admin"]}).split(".")
    assert "Signature" in await refusal(keys, f"{head}.{body}.{signature}")


COGNITO: Final = Claims(access="token_use=access")
KEYCLOAK: Final = Claims(member="employee", roles="realm_access.roles", access="typ=Bearer")


@pytest.mark.parametrize(
    ("named", "said"), [(COGNITO, {"token_use": "access"}), (KEYCLOAK, {"typ": "Bearer"})]
)
async def test_a_claim_may_say_that_a_token_is_for_access(
    keys: KeySet, named: Claims, said: Said
) -> None:
    assert await verified(keys, token(said, header={"typ": "JWT"}), named)
    assert await verified(keys, token(), named)


@pytest.mark.parametrize("said", [{}, {"token_use": "id"}, {"token_use": ["access"]}])
async def test_a_proof_of_login_is_no_access_token(keys: KeySet, said: Said) -> None:
    assert "token_use=access" in await refusal(keys, token(said, header={"typ": "JWT"}), COGNITO)


async def test_member_and_roles_come_from_the_claims_that_are_configured(keys: KeySet) -> None:
    said = {"sub": "f:ldap:wangfang", "employee": str(MEMBER).upper()}
    roles = {"roles": ["admin"], "realm_access": {"roles": ["rep", "manager"]}}
    caller = await verified(keys, token({**said, **roles}), KEYCLOAK)
    assert (caller.member_id, caller.roles) == (MEMBER, ("rep", "manager"))
    assert caller.subject == "f:ldap:wangfang"


async def test_a_claim_whose_own_name_has_dots_is_found(keys: KeySet) -> None:
    named = Claims(roles="https://pharos.example.com/roles")
    said = {"https://pharos.example.com/roles": ["rep"], "roles": ["admin"]}
    assert (await verified(keys, token(said), named)).roles == ("rep",)


@pytest.mark.parametrize(
    "roles", [ABSENT, None, "admin", {"admin": True}, 7, {"realm": {"roles": ["admin"]}}]
)
async def test_roles_that_are_no_list_grant_nothing(keys: KeySet, roles: object) -> None:
    caller = await verified(keys, token({"roles": roles}))
    assert (caller.roles, caller.permissions) == ((), frozenset())


@pytest.mark.parametrize(
    "member",
    ["王芳", "pharos-runner", MEMBER.hex, f"{{{MEMBER}}}", f"urn:uuid:{MEMBER}", f" {MEMBER}", "1"],
)
async def test_what_is_only_like_an_id_is_no_member(keys: KeySet, member: str) -> None:
    assert (await verified(keys, token({"sub": member}))).member_id is None


NONSENSE: Final[tuple[object, ...]] = (
    None,
    [],
    {"keys": 7},
    {"keys": [{"kty": "oct"}]},
    {"keys": []},
)


async def test_known_keys_serve_while_the_issuer_is_away_or_talks_nonsense() -> None:
    async with issuer() as (published, keys):
        await verified(keys, token())
        for answer in NONSENSE:
            published.answer = answer
            keys._tried = keys._fetched = float("-inf")
            with pytest.raises(TokenRefused):
                await verified(keys, token(header={"kid": "新"}))
            assert await verified(keys, token({"jti": str(answer)}, key_id="旧"))
        published.away = True
        keys._tried = float("-inf")
        assert await verified(keys, token(key_id="爱德华"))


async def test_a_key_that_is_published_later_is_fetched_when_it_is_met() -> None:
    async with issuer() as (published, keys):
        published.answer = {"keys": [public("旧")]}
        await verified(keys, token(key_id="旧"))
        published.answer = {"keys": [public("旧"), public("椭圆")]}
        keys._tried = float("-inf")
        assert await verified(keys, token())


async def test_a_key_that_is_published_for_encryption_signs_nothing() -> None:
    async with issuer() as (published, keys):
        published.answer = {"keys": [public("椭圆", use="enc"), public("旧", use="sig")]}
        with pytest.raises(TokenRefused):
            await verified(keys, token())
        assert await verified(keys, token(key_id="旧"))


async def test_without_any_usable_key_nobody_is_told_that_the_token_is_wrong() -> None:
    async with issuer() as (published, keys):
        published.answer = {"keys": [published_secret()]}
        with pytest.raises(IssuerUnavailable):
            await verified(keys, token())
