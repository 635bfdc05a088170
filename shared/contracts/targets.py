"""What the targets service tells: the organisation, targets and their attainment."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from shared.contracts.contract import Concerned, Contract, Exact, published


class Metric(StrEnum):
    """What is measured: additive metrics of won deals, by the date of their closing."""

    REVENUE = "revenue"
    UNITS = "units"


class ScopeKind(StrEnum):
    """Whose figure it is."""

    MEMBER = "member"
    UNIT = "unit"


@published("pharos.targets.unit.saved.v1", read="org:read", subject="unit_id")
class UnitSaved(Contract):
    """An organisation unit at one version; its place in the tree comes by ``unit.placed``."""

    unit_id: UUID
    name: str
    kind: str


@published("pharos.targets.unit.placed.v1", read="org:read", subject="unit_id")
class UnitPlaced(Contract):
    """A unit hangs below a parent from a date on, until its next placement."""

    unit_id: UUID
    parent_id: UUID | None
    valid_from: date


@published("pharos.targets.member.saved.v1", read="org:read", subject="member_id")
class MemberSaved(Contract):
    """A member at one version, and its id in another system. The event carries ids and no names."""

    member_id: UUID
    external_source: str | None = None
    external_id: str | None = None


@published("pharos.targets.member.assigned.v1", read="org:read", subject="member_id")
class MemberAssigned(Contract):
    """A member belongs to a unit from a date on, until the next assignment; null: to none."""

    member_id: UUID
    unit_id: UUID | None
    leads: bool
    valid_from: date


@published("pharos.targets.target.set.v1", read="targets:read", subject="target_id")
class TargetSet(Contract):
    """A target at one version, whole; `value` null withdraws it."""

    target_id: UUID
    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    start: date
    end: date
    value: Exact | None
    currency: str | None

    def concerns(self) -> Concerned:
        """Return the member or the unit whose it is."""
        return _of(self.scope, self.scope_id)


@published("pharos.targets.attainment.updated.v1", read="attainment:read", subject="target_id")
class AttainmentUpdated(Contract):
    """The attainment of a target moved; told once per target and batch.

    ``actual`` is the sum over all partitions as far as the writer saw them. A reader that needs it
    exact keeps ``partition_actual`` at the highest ``version`` per ``partition`` and sums these:
    ``version`` counts the postings of that partition.
    """

    target_id: UUID
    target_version: int
    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    value: Exact | None
    actual: Exact
    currency: str | None
    attainment: Exact | None
    partition: int
    partition_actual: Exact
    fact_id: UUID | None
    fact_version: int | None

    def concerns(self) -> Concerned:
        """Return the member or the unit whose it is."""
        return _of(self.scope, self.scope_id)


def _of(scope: ScopeKind, scope_id: UUID) -> Concerned:
    whose = frozenset({scope_id})
    return Concerned(members=whose) if scope is ScopeKind.MEMBER else Concerned(units=whose)
