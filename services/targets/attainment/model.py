"""What attainment is: the actual of a metric, for a scope, in a period, posted by entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from shared.contracts.targets import Metric, ScopeKind
from shared.ids import derived_id
from shared.period import NamedPeriod


class Key(NamedTuple):
    """What an attainment is of. ``currency`` is empty for metrics that are no money."""

    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: NamedPeriod
    currency: str

    @property
    def id(self) -> UUID:
        """Return the id of the attainment, always the same for the same key."""
        return _id(self.scope, self.scope_id, self.metric, self.period.name, self.currency)


@lru_cache(maxsize=65_536)
def _id(scope: str, scope_id: UUID, metric: str, period: str, currency: str) -> UUID:
    return derived_id("attainment", scope, scope_id, metric, period, currency)


class Amount(NamedTuple):
    """What is counted: the metric's value and the deals behind it."""

    value: Decimal
    deals: int

    def plus(self, value: Decimal, deals: int) -> "Amount":
        """Return the sum with another amount."""
        return Amount(self.value + value, self.deals + deals)


NOTHING = Amount(Decimal(0), 0)
Figures = Mapping[Key, Amount]


@dataclass(frozen=True, slots=True)
class Posting:
    """A fact and the figures that it should have posted by now.

    ``fresh`` says that nothing was posted of it before, so the ledger need not be asked. The
    cause is an event of a source's log, or a change of the organisation.
    """

    fact_id: UUID
    fact_version: int
    cause_id: UUID
    source: str
    partition: int
    number: int
    figures: Figures
    fresh: bool


class Entry(NamedTuple):
    """A line of the ledger: what one cause added to one attainment."""

    attainment_id: UUID
    cause_id: UUID
    fact_id: UUID
    fact_version: int
    amount: Decimal
    deals: int
    source: str
    partition: int
    number: int


@dataclass(frozen=True, slots=True)
class Moved:
    """An attainment after postings to it, and the last of them."""

    attainment_id: UUID
    partition: int
    actual: Decimal
    version: int
