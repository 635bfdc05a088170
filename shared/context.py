"""The context of a change: who caused it, when, and under which correlation."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from uuid import UUID

from shared.errors import PreconditionFailed
from shared.ids import derived_id, new_id
from shared.period import FiscalCalendar


class Origin(StrEnum):
    """Where a change comes from; imported history posts figures but raises no notices."""

    LIVE = "live"
    IMPORT = "import"


class VersionChanged(PreconditionFailed):
    """Somebody else changed it after the caller had read it."""

    en = (
        "It is at version {version} now (0: not there), which is not the one that your If-Match or "
        "If-None-Match asks for. Read it and decide again."
    )
    zh = (
        "当前版本为 {version}（0 表示尚不存在），"
        "与 If-Match 或 If-None-Match 不符。请重新读取后再决定。"
    )


_CALENDAR_YEAR = FiscalCalendar()


@dataclass(frozen=True, slots=True)
class Installation:
    """What holds for the whole installation and never changes while it runs.

    Events are spread over ``partitions`` by their aggregate; ``calendar`` names the periods, and
    ``zone`` says when a day of business begins.
    """

    partitions: int = 1
    calendar: FiscalCalendar = _CALENDAR_YEAR
    zone: tzinfo = UTC

    def day(self, moment: datetime) -> date:
        """Return the day of business on which a moment lies."""
        return moment.astimezone(self.zone).date()


_ONE_PARTITION = Installation()


@dataclass(frozen=True, slots=True)
class Asked:
    """How somebody asked for a change: through which client, in which roles, how, and why.

    ``route`` is the template of the path. What is asked for is audited, whenever it is done.
    ``permission`` is what the route asks for: with it the roles reach so far, as ``member_id``.
    """

    client: str
    roles: tuple[str, ...]
    method: str
    route: str
    reason: str | None = None
    permission: str = ""
    member_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What every command and reaction is told about its cause.

    ``causation_id`` is the event that a reaction answers, None for a request. ``expected`` are the
    versions that the caller works from (If-Match), None where any will do. ``asked`` is None for
    what follows by itself.
    """

    actor: str
    now: datetime
    correlation_id: UUID
    installation: Installation = _ONE_PARTITION
    causation_id: UUID | None = None
    expected: frozenset[int] | None = None
    origin: Origin = Origin.LIVE
    traceparent: str | None = None
    asked: Asked | None = None

    @property
    def today(self) -> date:
        """Return the day of business on which it happens."""
        return self.installation.day(self.now)

    def following(self) -> "Context":
        """Return the context of what follows by itself from what was asked for."""
        return replace(self, asked=None)

    def check(self, version: int) -> None:
        """Refuse to change what is not at a version that the caller knows; 0 is not there yet.

        Raises VersionChanged. To be asked behind the lock.
        """
        if self.expected is not None and version not in self.expected:
            raise VersionChanged(version=version)

    def event_id(self, kind: str, subject: UUID, version: int) -> UUID:
        """Return the id of an event made here: derived in a reaction, fresh in a command.

        The version is part of it: a source that was restored answers the same events once more
        and tells them under the same ids, and what follows from them then is another thing.
        """
        if self.causation_id is None:
            return new_id()
        return derived_id(self.causation_id, kind, subject, version)
