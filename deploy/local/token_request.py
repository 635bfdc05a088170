"""A request for a token as it comes over HTTP (RFC 6749, section 4.4), read with distrust."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request

_BODY_BYTES_MAX = 8192
_FIELDS_MAX = 16
_FORM = "application/x-www-form-urlencoded"


class TokenRequestRefused(Exception):
    """Answered as RFC 6749, section 5.2, says: an error code and a sentence."""

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Who asks (not verified yet) and for what; absent fields are None."""

    client_id: str
    client_secret: str
    grant_type: str | None
    scope: str | None
    subject: str | None


async def read_token_request(request: Request) -> TokenRequest:
    """Return what the request says; the client's name comes by Basic or in the form, not both.

    Raises TokenRequestRefused for whatever is not a form of single fields.
    """
    fields = _fields(request.headers.get("content-type", ""), await _body(request))
    authorization = request.headers.get("authorization")
    named = "client_id" in fields or "client_secret" in fields
    if authorization is not None and named:
        raise TokenRequestRefused("invalid_request", "Send the client's secret in one place only.")
    if authorization is not None:
        client_id, client_secret = _basic(authorization)
    else:
        client_id, client_secret = fields.get("client_id", ""), fields.get("client_secret", "")
    return TokenRequest(
        client_id,
        client_secret,
        fields.get("grant_type"),
        fields.get("scope"),
        fields.get("subject"),
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY_BYTES_MAX:
            raise TokenRequestRefused("invalid_request", "The form is too large.", 413)
    return body


def _fields(content_type: str, body: bytes) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise TokenRequestRefused("invalid_request", f"Send a form ({_FORM}).")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict"
        )
    except ValueError:
        raise TokenRequestRefused("invalid_request", "The form cannot be read.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise TokenRequestRefused("invalid_request", "A field is there more than once.")
    return fields


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not colon:
            raise ValueError(encoded)
    except (ValueError, binascii.Error):
        raise TokenRequestRefused(
            "invalid_client", "Send 'Authorization: Basic …' or client_id and client_secret.", 401
        ) from None
    return unquote_plus(name), unquote_plus(secret)
