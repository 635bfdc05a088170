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
    """An account as it should be; an owner that stays is none at first."""

    name: str
    owner_id: UUID | Kept | None = Kept.AS_IS


@dataclass(frozen=True, slots=True)
class Account:
    """A customer, at one version."""

    id: UUID
    version: int
    name: str
    external: External | None
    owner_id: UUID | None = None
