"""The context of a change: who caused it, when, and under which correlation."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.ids import derived_id, new_id
from shared.period import FiscalCalendar


class Origin(StrEnum):
    """Where a change comes from; imported history posts figures but raises no notices."""

    LIVE = "live"
    IMPORT = "import"


_CALENDAR_YEAR = FiscalCalendar()


@dataclass(frozen=True, slots=True)
class Installation:
    """What holds for the whole installation and never changes while it runs.

    Events are spread over ``partitions`` by their aggregate; ``calendar`` names the periods.
    """

    partitions: int = 1
    calendar: FiscalCalendar = _CALENDAR_YEAR


_ONE_PARTITION = Installation()


@dataclass(frozen=True, slots=True)
class Context:
    """What every command and reaction is told about its cause.

    ``causation_id`` is the event that a reaction answers, None for a request.
    """

    actor: str
    now: datetime
    correlation_id: UUID
    installation: Installation = _ONE_PARTITION
    causation_id: UUID | None = None
    origin: Origin = Origin.LIVE
    traceparent: str | None = None

    def event_id(self, kind: str, subject: UUID, version: int) -> UUID:
        """Return the id of an event made here: derived in a reaction, fresh in a command.

        The version is part of it: a source that was restored answers the same events once more
        and tells them under the same ids, and what follows from them then is another thing.
        """
        if self.causation_id is None:
            return new_id()
        return derived_id(self.causation_id, kind, subject, version)
