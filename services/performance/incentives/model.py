"""What an incentive is: the amount due for a component and period, line by line, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from services.performance.plans.model import Component
from shared.ids import derived_id
from shared.money import Money
from shared.period import Period
from shared.ratio import Ratio


@dataclass(frozen=True, slots=True)
class Words:
    """An explanation for people."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Credits that were not counted because they are in another currency than the plan."""

    amount: Money
    credits: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a measure counted in its interval, exact, and the quota that it is held against."""

    amount: Money
    quota: Money | None
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """What one tier brought: the tier's row with its bounds as amounts, and the slice in it.

    ``exact`` is slice times rate; ``amount`` is rounded so that the lines sum to the whole.
    """

    tier: int
    start: Money
    end: Money | None
    rate: Ratio
    slice: Money
    exact: Money
    amount: Money
    words: Words


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader of the amount must know."""

    code: str
    words: Words


@dataclass(frozen=True, slots=True)
class Incentive:
    """What is due, and all that it was made of. ``attainment`` is None without a quota."""

    amount: Money
    measured: Measured
    attainment: Ratio | None
    lines: tuple[Line, ...]
    notes: tuple[Note, ...]

    def by_tier(self) -> Mapping[int, Money]:
        """Return the amount of each line by its tier."""
        return {line.tier: line.amount for line in self.lines}


class PayeePeriod(NamedTuple):
    """Whose incentives of which period, by its name: what is worked out together."""

    payee_id: UUID
    period: str


class Key(NamedTuple):
    """What an incentive is for: whose, of which period, by which component of which plan."""

    payee_id: UUID
    period: str
    plan_id: UUID
    component: str

    @property
    def id(self) -> UUID:
        """Return the id of the incentive, always the same for the same key."""
        return derived_id("incentive", self.payee_id, self.plan_id, self.component, self.period)

    @property
    def owner(self) -> PayeePeriod:
        """Return whose it is and of which period."""
        return PayeePeriod(self.payee_id, self.period)


@dataclass(frozen=True, slots=True)
class Head:
    """An incentive as it stands; ``version`` counts its changes."""

    key: Key
    plan_version: int
    version: int
    incentive: Incentive


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something was recalculated: a range of a source's numbered events, or a request.

    For a request or work that was put off, ``partition``, ``first`` and ``last`` are None; the
    correlation id of the entry names it.
    """

    source: str
    partition: int | None = None
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: what one cause added to one tier of one incentive."""

    id: UUID
    key: Key
    plan_version: int
    tier: int
    amount: Money
    cause: Cause
    correlation_id: UUID
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A component that is in force for a payee in a period, and the days on which it counts."""

    key: Key
    plan_version: int
    currency: str
    component: Component
    spans: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A deal behind an incentive, what it adds up to with those before it, and what it brought."""

    fact_id: UUID
    occurred_on: date
    amount: Money
    cumulative: Money
    commission: Money


@dataclass(frozen=True, slots=True)
class Explained:
    """An incentive as it stands, what the ledger says of it, and the deals behind it."""

    head: Head
    posted: Money
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A payee whose incentives must be worked out again from a day on, and why."""

    payee_id: UUID
    since: date
    correlation_id: UUID
    origin: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A payee who could not be worked out, and why; a new mark is another try."""

    payee_id: UUID
    since: date
    failed_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many payees wait to be worked out, how many could not be, and the first of these."""

    waiting: int
    failed: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """A payee who is worked out again from a day on, after having been set aside."""

    payee_id: UUID
    since: date
