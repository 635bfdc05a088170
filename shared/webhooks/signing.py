"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, under each secret."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from shared.ids import secret_bytes

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32  # the standard asks for 24 to 64


def new_secret() -> bytes:
    """Return a fresh signing secret."""
    return secret_bytes(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Return a secret as its receiver gets it, once: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def headers(
    message_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """Return the three headers of a message; during a rotation there are two signatures.

    ``timestamp`` is that of the attempt, in seconds; ``message_id`` must contain no full stop.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signatures = (
        base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
