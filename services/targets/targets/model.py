"""What a target is."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.targets.attainment.model import Key


@dataclass(frozen=True, slots=True)
class Target:
    """The value of a metric that a scope should reach in a period; None: withdrawn.

    Money for revenue, in the key's currency; a plain number for units.
    """

    id: UUID
    version: int
    key: Key
    value: Decimal | None
