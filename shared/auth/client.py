"""This service's own token, by client credentials (RFC 6749, section 4.4)."""

import asyncio

import httpx

from shared import clock
from shared.errors import Unavailable

EARLY_SECONDS = 30
TIMEOUT_SECONDS = 5
LIFETIME_SECONDS = 60  # where the issuer does not say


class IssuerUnavailable(Unavailable):
    """The token issuer is away; what needs a token waits."""

    en = "The token issuer does not answer: {reason}."
    zh = "令牌签发服务没有响应：{reason}。"


class TokenSource:
    """Fetches a token and keeps it until shortly before its end."""

    def __init__(self, client: httpx.AsyncClient, url: str, client_id: str, secret: str) -> None:
        self._client = client
        self._url = url
        self._credentials = (client_id, secret)
        self._token = ""
        self._good_until = float("-inf")
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Return a token that is good for a while yet; raises IssuerUnavailable."""
        async with self._lock:
            if clock.monotonic() >= self._good_until:
                await self._fetch()
        return self._token

    def forget(self) -> None:
        """Let the token go, because somebody refused it."""
        self._good_until = float("-inf")

    async def _fetch(self) -> None:
        try:
            answer = await self._client.post(
                self._url,
                data={"grant_type": "client_credentials"},
                auth=self._credentials,
                timeout=TIMEOUT_SECONDS,
            )
            answer.raise_for_status()
            document = answer.json()
            self._token = document["access_token"]
            lifetime = int(document.get("expires_in", LIFETIME_SECONDS))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IssuerUnavailable(reason=repr(error)) from error
        self._good_until = clock.monotonic() + max(1, lifetime - EARLY_SECONDS)
