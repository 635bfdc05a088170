"""What a product is."""

from dataclasses import dataclass
from uuid import UUID

from shared.money import Money


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is sold, known to the outside by its code."""

    id: UUID
    version: int
    code: str
    name: str
    line: str | None
    list_price: Money | None
