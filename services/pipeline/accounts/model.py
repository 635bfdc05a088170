"""What an account is."""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from shared.ids import External


class Kept(Enum):
    """Says that something stays as it is where None would take it away."""

    AS_IS = "as_is"


@dataclass(frozen=True, slots=True)
class Draft:
    """An account as it should be; where its owner stays as is, it is at first ``opened_by``'s."""

    name: str
    owner_id: UUID | Kept | None = Kept.AS_IS
    opened_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A customer, at one version."""

    id: UUID
    version: int
    name: str
    external: External | None
    owner_id: UUID | None = None
