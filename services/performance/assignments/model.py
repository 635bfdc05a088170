"""What an assignment is: a payee, a plan, and the days on which it pays."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shared.ids import derived_id


@dataclass(frozen=True, slots=True)
class Assignment:
    """A payee is paid by a plan from a day on, until ``valid_to`` (not counted) or further.

    ``version`` counts its changes: another end.
    """

    plan_id: UUID
    payee_id: UUID
    valid_from: date
    valid_to: date | None
    version: int = 1

    @property
    def id(self) -> UUID:
        """Return the id of the assignment, always the same for the same payee, plan and day."""
        return derived_id("assignment", self.plan_id, self.payee_id, self.valid_from)
