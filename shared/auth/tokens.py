"""Access tokens: JWTs (RFC 9068) verified against the issuer's published keys."""

import asyncio
from collections import OrderedDict
from typing import Any

import httpx
import jwt

from shared import clock
from shared.auth.client import IssuerUnavailable
from shared.auth.principal import Principal, TokenRefused
from shared.logs import logger

log = logger(__name__)

ALGORITHMS = ["ES256", "ES384", "RS256", "PS256", "EdDSA"]
LEEWAY_SECONDS = 30
KEYS_FRESH_SECONDS = 300
KEYS_RETRY_SECONDS = 5
VERIFIED_MAX = 4_096
TOKEN_LENGTH_MAX = 8_192


class KeySet:
    """The issuer's keys, fetched when they are asked for; stale ones serve while it is away."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str) -> jwt.PyJWK:
        """Return a key by its id; raises IssuerUnavailable or TokenRefused."""
        async with self._lock:
            now = clock.monotonic()
            stale = now - self._fetched > KEYS_FRESH_SECONDS or key_id not in self._keys
            if stale and now - self._tried > KEYS_RETRY_SECONDS:
                self._tried = now
                await self._fetch()
        found = self._keys.get(key_id)
        if found is None and not self._keys:
            raise IssuerUnavailable(reason="no keys yet")
        if found is None:
            raise TokenRefused(reason="It is signed with an unknown key.")
        return found

    async def _fetch(self) -> None:
        try:
            answer = await self._client.get(self._url, timeout=5)
            answer.raise_for_status()
            document = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("issuer_away", error=repr(error))
            return
        keys = jwt.PyJWKSet.from_dict(document).keys
        self._keys = {key.key_id: key for key in keys if key.key_id}
        self._fetched = clock.monotonic()


class Verifier:
    """Turns bearer tokens into principals; a token is checked once and remembered to its end."""

    def __init__(self, keys: KeySet, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    async def principal(self, authorization: str | None) -> Principal:
        """Return who sends this header; raises TokenRefused or IssuerUnavailable."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LENGTH_MAX:
            raise TokenRefused(reason="")
        known = self._verified.get(token)
        if known is not None and clock.now().timestamp() < known[0]:
            return known[1]
        claims = await self._claims(token)
        principal = Principal.of(claims)
        self._verified[token] = (float(claims["exp"]), principal)
        if len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ", "").lower() not in {"at+jwt", "application/at+jwt"}:
                raise TokenRefused(reason="It is no access token (typ must be at+jwt).")
            key = await self._keys.key(str(header.get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "exp", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, AttributeError) as error:
            raise TokenRefused(reason=str(error)) from error
        return claims
