"""What attainment is: the actual of a metric, for a scope, in a period, posted by entries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeAlias
from uuid import UUID

from shared.contracts.targets import Metric, ScopeKind
from shared.ids import derived_id
from shared.period import NamedPeriod


@dataclass(frozen=True, slots=True)
class Key:
    """What an attainment is of. ``currency`` is empty for metrics that are no money.

    ``id`` names the attainment, always the same for the same key.
    """

    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: NamedPeriod
    currency: str
    id: UUID = field(init=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.scope, self.scope_id, self.metric, self.period.name, self.currency)
        object.__setattr__(self, "id", derived_id("attainment", *parts))


class Amount(NamedTuple):
    """What is counted: the metric's value and the deals behind it."""

    value: Decimal
    deals: int


NOTHING = Amount(Decimal(0), 0)


class Figure(NamedTuple):
    """What a fact counts for in one attainment."""

    key: Key
    amount: Amount


Figures: TypeAlias = Mapping[UUID, Figure]
"""All that a fact counts for, by attainment."""


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
    posting: Posting
    amount: Amount


class Place(NamedTuple):
    """Where a running total stands: the partitions of an attainment have one each."""

    attainment_id: UUID
    partition: int


@dataclass(frozen=True, slots=True)
class Moved:
    """An attainment after postings to it, and the last of them."""

    place: Place
    actual: Decimal
    version: int
