"""Identities: the only source of randomness in the services.

New things get a UUIDv7 (RFC 9562), which sorts by the time of its making. Things that a reaction
makes get a UUIDv5 derived from their cause, so that a rebuild from the log gives the same rows.
"""

import secrets
from dataclasses import dataclass
from uuid import UUID, uuid5

import uuid_utils

NAMESPACE = UUID("5b0d3b8e-6f0c-5d7e-9a55-0c6f1e2d7a10")


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return UUID(int=uuid_utils.uuid7().int)


def derived_id(*parts: object) -> UUID:
    """Return the UUIDv5 that belongs to these parts, always the same for the same parts."""
    return uuid5(NAMESPACE, "\x1f".join(map(str, parts)))


def secret_bytes(count: int) -> bytes:
    """Return so many bytes that nobody can guess."""
    return secrets.token_bytes(count)


@dataclass(frozen=True, slots=True)
class External:
    """The name of a thing in another system: which system, and its id there."""

    source: str
    id: str
