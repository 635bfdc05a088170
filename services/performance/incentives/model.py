"""What an incentive is: the amount due for a component and period, line by line, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from shared.ids import derived_id
from shared.money import Money
from shared.period import NamedPeriod
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
    """Whose incentives of which period: what is recalculated together."""

    payee_id: UUID
    period: NamedPeriod


class Key(NamedTuple):
    """What an incentive is for. The period is named, and of the component's own length."""

    payee_id: UUID
    period: str
    plan_id: UUID
    component: str

    @property
    def id(self) -> UUID:
        """Return the id of the incentive, always the same for the same key."""
        return derived_id("incentive", self.payee_id, self.plan_id, self.component, self.period)


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
    correlation_id: UUID
