"""Ids that belong to what they name: UUIDv5 of the parts, and the time inside a UUIDv7."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

NAMESPACE = UUID("5b0d3b8e-6f0c-5d7e-9a55-0c6f1e2d7a10")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def derived(*parts: object) -> UUID:
    """Return the id that belongs to these parts."""
    return uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))


def made_at(found: UUID) -> datetime | None:
    """Return when an id was made, None for one that does not say."""
    if found.version != 7:
        return None
    return _EPOCH + timedelta(milliseconds=found.int >> 80)
