"""What is counted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wins:
    """The won deals of a quarter, by its name."""

    period: str
    deals: int
