"""Access tokens: JWTs (RFC 9068) verified against the issuer's published keys."""

import asyncio
from collections import OrderedDict
from typing import Any

import httpx
import jwt

from shared import clock
from shared.auth.client import IssuerUnavailable
from shared.auth.principal import STANDARD, Claims, Principal, TokenRefused
from shared.logs import logger
from shared.tasks import end

log = logger(__name__)

ALGORITHMS = ["ES256", "ES384", "RS256", "PS256", "EdDSA"]
ACCESS_TYPES = {"at+jwt", "application/at+jwt"}
LEEWAY_SECONDS = 30
KEYS_FRESH_SECONDS = 300
KEYS_RETRY_SECONDS = 5
KEYS_TIMEOUT_SECONDS = 2
VERIFIED_MAX = 4_096
TOKEN_LENGTH_MAX = 8_192


class KeySet:
    """The issuer's keys. Those that are known serve at once, also while the issuer is away."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._missed = False
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, key_id: str) -> jwt.PyJWK:
        """Return a key by its id; raises IssuerUnavailable or TokenRefused.

        A known key never waits. An unknown one waits for the fetch that is under way, of which
        there is one at a time and not more than one in five seconds.
        """
        known = self._keys.get(key_id)
        if known is None or clock.monotonic() - self._fetched > KEYS_FRESH_SECONDS:
            fetching = self._fetch_soon()
            if known is None and fetching is not None:
                await asyncio.wait({fetching})
        found = self._keys.get(key_id)
        if found is None and not self._keys:
            raise IssuerUnavailable(reason="no keys yet")
        if found is None:
            raise TokenRefused(reason="It is signed with an unknown key.")
        return found

    def prefetch(self) -> None:
        """Begin to fetch the keys, so that the first request need not wait for them."""
        self._fetch_soon()

    async def close(self) -> None:
        """Give up a fetch that is under way, before its client is closed."""
        if self._fetching is not None:
            await end([self._fetching])

    def _fetch_soon(self) -> "asyncio.Task[None] | None":
        under_way = self._fetching is not None and not self._fetching.done()
        if not under_way and clock.monotonic() - self._tried > KEYS_RETRY_SECONDS:
            self._fetching = asyncio.create_task(self._fetch(), name="issuer-keys")
            under_way = True
        return self._fetching if under_way else None

    async def _fetch(self) -> None:
        try:
            answer = await self._client.get(self._url, timeout=KEYS_TIMEOUT_SECONDS)
            answer.raise_for_status()
            keys = _usable(jwt.PyJWKSet.from_dict(answer.json()))
        except (
            *(httpx.HTTPError, ValueError, TypeError, AttributeError, LookupError),
            jwt.PyJWTError,
        ) as error:
            # Once is nothing to be woken for; the known keys serve on, and it is asked again.
            (log.warning if self._missed else log.info)("issuer_away", error=repr(error))
            self._missed = True
        else:
            self._missed = False
            self._keys = keys
            self._fetched = clock.monotonic()
        finally:
            self._tried = clock.monotonic()


class Verifier:
    """Turns bearer tokens into principals; a token is checked once and remembered to its end."""

    def __init__(self, keys: KeySet, issuer: str, audience: str, named: Claims = STANDARD) -> None:
        self._keys = keys
        self._named = named
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    async def principal(self, authorization: str | None) -> Principal:
        """Return who sends this header; raises TokenRefused or IssuerUnavailable."""
        token = _token(authorization)
        if token is None:
            raise TokenRefused(reason="")
        if (known := self._remembered(token)) is not None:
            return known
        claims = await self._claims(token)
        try:
            principal = Principal.of(claims, self._named)
        except (ValueError, OverflowError, OSError) as error:
            raise TokenRefused(reason="Its end (exp) is no moment that there is.") from error
        self._verified[token] = (float(claims["exp"]), principal)
        if len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)
        return principal

    async def close(self) -> None:
        """Stop what runs behind: a fetch of keys."""
        await self._keys.close()

    def known(self, authorization: str | None) -> Principal | None:
        """Return who sends this header where that has been verified before, else None."""
        token = _token(authorization)
        return None if token is None else self._remembered(token)

    def _remembered(self, token: str) -> Principal | None:
        known = self._verified.get(token)
        return known[1] if known is not None and clock.now().timestamp() < known[0] else None

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            typed = str(header.get("typ", "")).lower() in ACCESS_TYPES
            if not typed and not self._named.access:
                raise TokenRefused(reason="It is no access token (typ must be at+jwt).")
            if not header.get("kid"):
                raise TokenRefused(reason="It does not name the key of its signature (kid).")
            key = await self._keys.key(header["kid"])
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "exp", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, AttributeError, OverflowError) as error:
            raise TokenRefused(reason=str(error)) from error
        if not typed and not self._named.are_for_access(claims):
            raise TokenRefused(reason=f"It is no access token ({self._named.access}).")
        return claims


def _usable(published: jwt.PyJWKSet) -> dict[str, jwt.PyJWK]:
    """Return the keys that may sign tokens, by their ids; raises LookupError for none.

    A secret that somebody published by mistake is no key: everybody could sign with it.
    """
    keys = {
        key.key_id: key
        for key in published.keys
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in {None, "sig"}
    }
    if not keys:
        raise LookupError("no published key has an id (kid) and one of our algorithms")
    return keys


def _token(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LENGTH_MAX:
        return None
    return token
