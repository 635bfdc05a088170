"""What a plan is: dated versions of a set of components, and the payees it is assigned to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias
from uuid import UUID

from shared.contracts.targets import Metric
from shared.ids import External
from shared.money import Rounding
from shared.period import PeriodKind
from shared.ratio import Ratio


class TierMode(StrEnum):
    """What a reached tier pays: the slice inside it, or everything at its rate."""

    MARGINAL = "marginal"
    WHOLE = "whole"


class Boundary(StrEnum):
    """Which bound belongs to a tier: ``[from, to)`` or ``(from, to]``."""

    FROM = "from"
    TO = "to"


class Bounds(StrEnum):
    """What the bounds of tiers are: amounts in the plan's currency, or shares of the quota."""

    AMOUNT = "amount"
    SHARE_OF_QUOTA = "share_of_quota"


@dataclass(frozen=True, slots=True)
class Tier:
    """A row of a rate table; ``end`` None is without end."""

    start: Decimal
    end: Decimal | None
    rate: Ratio


@dataclass(frozen=True, slots=True)
class RateTable:
    """Tiers from zero upwards, without gaps; the last one is without end."""

    mode: TierMode
    boundary: Boundary
    bounds: Bounds
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class OwnCredits:
    """The payee's commission credits, held against the payee's own target."""

    metric: Metric
    kind: Literal["own_credits"] = "own_credits"


@dataclass(frozen=True, slots=True)
class UnitAttainment:
    """The actual of a unit's target, held against its value."""

    unit_id: UUID
    metric: Metric
    kind: Literal["unit_attainment"] = "unit_attainment"


Measure: TypeAlias = OwnCredits | UnitAttainment


@dataclass(frozen=True, slots=True)
class Commission:
    """A commission by rate table on what a measure counts in a period.

    ``without_quota`` is a table in amounts that pays instead where the bounds are shares of a
    quota and there is none; None pays nothing then.
    """

    key: str
    measure: Measure
    period: PeriodKind
    table: RateTable
    without_quota: RateTable | None
    rounding: Rounding
    kind: Literal["commission"] = "commission"


Component: TypeAlias = Commission


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """What a plan says from a date on, until its next version; never edited."""

    number: int
    valid_from: date
    currency: str
    components: tuple[Component, ...]

    @property
    def unit_ids(self) -> set[UUID]:
        """Return the units on whose attainment it pays."""
        return unit_ids_of(self.components)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan with all its versions in order; ``version`` counts every change of the whole."""

    id: UUID
    version: int
    external: External | None
    name: str
    versions: tuple[PlanVersion, ...]

    @property
    def unit_ids(self) -> set[UUID]:
        """Return the units on whose attainment any version pays."""
        return {unit_id for version in self.versions for unit_id in version.unit_ids}


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is wished for, before it has a number."""

    valid_from: date
    currency: str
    components: tuple[Component, ...]


def unit_ids_of(components: Iterable[Component]) -> set[UUID]:
    """Return the units on whose attainment components pay."""
    measures = (component.measure for component in components)
    return {measure.unit_id for measure in measures if isinstance(measure, UnitAttainment)}
