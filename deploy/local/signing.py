"""The signing key of the built-in issuer, made once and kept private."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.local.errors import IssuerRefused
from deploy.local.place import write_private

ALGORITHM = "ES256"


class SigningKey:
    """An elliptic-curve key (P-256) in a file of its own (PEM, 0600)."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            write_private(path, _new_key())
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise IssuerRefused(f"{path} holds no elliptic-curve key. Remove it to get a new one.")
        self._key = key
        public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self.key_id = _thumbprint(public)
        self.public = {**public, "kid": self.key_id, "use": "sig", "alg": ALGORITHM}
        """The public half as a JSON Web Key (RFC 7517)."""

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return the claims as a signed access token (RFC 9068)."""
        headers = {"typ": "at+jwt", "kid": self.key_id}
        return jwt.encode(dict(claims), self._key, algorithm=ALGORITHM, headers=headers)


def _new_key() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _thumbprint(public: Mapping[str, str]) -> str:
    """Return the name of a key that follows from the key itself (RFC 7638)."""
    members = {name: public[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
