"""What the performance service tells: incentives as they are recalculated."""

from datetime import date
from uuid import UUID

from shared.contracts.contract import Concerned, Contract, Exact, MoneyValue, published


@published("pharos.performance.plan.saved.v1", read="plans:read", subject="plan_id")
class PlanSaved(Contract):
    """A plan got its first or a further version, in force from ``valid_from``.

    ``version`` counts every change of the plan; ``plan_version`` its versions.
    """

    plan_id: UUID
    plan_version: int
    name: str
    valid_from: date


@published("pharos.performance.plan.assigned.v1", read="plans:read", subject="assignment_id")
class PlanAssigned(Contract):
    """A payee is paid by a plan from a date on, until ``valid_to`` (not counted) or further.

    The assignment's id belongs to plan, payee and ``valid_from``; ``version`` counts its changes:
    a later one gave it another end.
    """

    assignment_id: UUID
    plan_id: UUID
    payee_id: UUID
    valid_from: date
    valid_to: date | None

    def concerns(self) -> Concerned:
        """Return the payee."""
        return Concerned(frozenset({self.payee_id}))


@published(
    "pharos.performance.incentive.recalculated.v1", read="statements:read", subject="incentive_id"
)
class IncentiveRecalculated(Contract):
    """The incentive of a payee for one plan component and period moved by ``difference``."""

    incentive_id: UUID
    payee_id: UUID
    plan_id: UUID
    plan_version: int
    component: str
    period: str
    amount: MoneyValue
    difference: MoneyValue
    measured: Exact
    quota: Exact | None
    attainment: Exact | None

    def concerns(self) -> Concerned:
        """Return the payee."""
        return Concerned(frozenset({self.payee_id}))
