"""What an account is."""

from dataclasses import dataclass
from uuid import UUID

from shared.ids import External


@dataclass(frozen=True, slots=True)
class Account:
    """A customer, at one version."""

    id: UUID
    version: int
    name: str
    external: External | None
