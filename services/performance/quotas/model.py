"""What a quota is: the value of a target, and how far it is reached."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from shared.contracts.targets import Metric, ScopeKind


class Aim(NamedTuple):
    """What a target is of. ``currency`` is empty for metrics that are no money."""

    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    currency: str


@dataclass(frozen=True, slots=True)
class Quota:
    """A target at its highest version; ``value`` None is withdrawn."""

    target_id: UUID
    version: int
    aim: Aim
    value: Decimal | None


class Actual(NamedTuple):
    """What one partition posted to a target's attainment, at its highest version."""

    target_id: UUID
    partition: int
    version: int
    actual: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """The value of a target, None when there is none any more, and the actual of all partitions."""

    value: Decimal | None
    actual: Decimal
