"""A small OIDC-like token issuer for trying Pharos out on one machine. Not for production.

It knows machine clients only: whoever holds a client's secret gets a token with that client's
roles. The demo client may in addition ask for a token in the name of any member (form field
``subject``), so that one can look at the system through everybody's eyes; this replaces a login
and is the reason why the issuer refuses to run anywhere but inside the embedded runner, on a
loopback address.
"""

import hmac
import ipaddress
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from deploy.local.clients import Client, kept_clients
from deploy.local.errors import IssuerRefused
from deploy.local.signing import ALGORITHM, SigningKey
from deploy.local.token_request import TokenRequest, TokenRequestRefused, read_token_request
from shared import clock

AUDIENCE = "pharos"
LIFETIME = timedelta(hours=1)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Issuer:
    """An ASGI app: ``/jwks.json``, ``/.well-known/openid-configuration`` and ``POST /token``.

    ``url`` is where it is mounted, on a loopback address; key and clients live in ``folder``.
    Raises IssuerRefused unless ``embedded`` says that the embedded runner asks.
    """

    def __init__(
        self, folder: Path, *, url: str, audience: str = AUDIENCE, embedded: bool = False
    ) -> None:
        if not embedded:
            raise IssuerRefused(
                "The built-in issuer is for trying things out and runs inside `pharos run` only. "
                "Give PHAROS_ISSUER, PHAROS_JWKS_URL and PHAROS_TOKEN_URL of your own issuer."
            )
        if not _is_loopback(urlsplit(url).hostname):
            raise IssuerRefused(f"The built-in issuer serves a loopback address only, not {url}.")
        self.url = url.rstrip("/")
        self.audience = audience
        self._key = SigningKey(folder / "signing-key.pem")
        self.clients = kept_clients(folder / "clients.json")
        self._app = Starlette(
            routes=[
                Route("/jwks.json", self._answer_keys),
                Route("/.well-known/openid-configuration", self._answer_configuration),
                Route("/token", self._answer_token, methods=["POST"]),
            ]
        )

    @property
    def jwks_url(self) -> str:
        """Where the public key is published."""
        return f"{self.url}/jwks.json"

    @property
    def token_url(self) -> str:
        """Where clients get their tokens."""
        return f"{self.url}/token"

    def token(
        self,
        subject: UUID | str,
        roles: Sequence[str],
        lifetime: timedelta = LIFETIME,
        *,
        client_id: str = "pharos-runner",
    ) -> str:
        """Return a signed access token for a member's id or the name of a machine client."""
        now = clock.now()
        return self._key.sign(
            {
                "iss": self.url,
                "aud": self.audience,
                "sub": str(subject),
                "iat": now,
                "exp": now + lifetime,
                "jti": str(uuid4()),
                "client_id": client_id,
                "roles": list(roles),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that arrived on a loopback address; any other is not answered here."""
        if scope["type"] == "http" and not _is_loopback((scope.get("server") or ("",))[0]):
            await JSONResponse({"error": "not_found"}, 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _answer_keys(self, _request: Request) -> JSONResponse:
        return JSONResponse({"keys": [self._key.public]}, headers={"Cache-Control": "max-age=300"})

    async def _answer_configuration(self, _request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": self.url,
                "jwks_uri": self.jwks_url,
                "token_endpoint": self.token_url,
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
            }
        )

    async def _answer_token(self, request: Request) -> JSONResponse:
        try:
            asked = await read_token_request(request)
            client = self._verified(asked)
            roles, subject = _granted(client, asked)
        except TokenRequestRefused as refused:
            return _refusal(refused)
        token = self.token(subject or asked.client_id, roles, client_id=asked.client_id)
        seconds = int(LIFETIME.total_seconds())
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        return JSONResponse({**answer, "scope": " ".join(roles)}, headers=_NOT_STORED)

    def _verified(self, asked: TokenRequest) -> Client:
        client = self.clients.get(asked.client_id)
        known = client.secret if client is not None else asked.client_secret + "?"
        right = hmac.compare_digest(known.encode(), asked.client_secret.encode())
        if client is None or not right:
            raise TokenRequestRefused("invalid_client", "Client or secret is wrong.", 401)
        return client


def _granted(client: Client, asked: TokenRequest) -> tuple[tuple[str, ...], UUID | None]:
    """Return roles and subject of the token; ``scope`` narrows the roles to the named ones."""
    if asked.grant_type != "client_credentials":
        raise TokenRequestRefused("unsupported_grant_type", "Send grant_type=client_credentials.")
    roles = client.roles if asked.scope is None else tuple(asked.scope.split())
    if not set(roles) <= set(client.roles):
        raise TokenRequestRefused("invalid_scope", "The client does not hold these roles.")
    if asked.subject is None:
        return roles, None
    if not client.may_impersonate:
        raise TokenRequestRefused("unauthorized_client", "This client speaks for itself only.")
    if not _UUID.fullmatch(asked.subject):
        raise TokenRequestRefused("invalid_request", "Send the member's id (a UUID) as subject.")
    return roles, UUID(asked.subject)


def _refusal(refused: TokenRequestRefused) -> JSONResponse:
    headers = dict(_NOT_STORED)
    if refused.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="pharos"'
    body = {"error": refused.code, "error_description": refused.sentence}
    return JSONResponse(body, refused.status, headers)


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
