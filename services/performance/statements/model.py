"""What a statement is: all incentives of a payee and period, explained."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.performance.incentives.model import Cause, Explained
from shared.money import Money
from shared.period import NamedPeriod


@dataclass(frozen=True, slots=True)
class Statement:
    """What a payee earned in a period, component by component.

    ``waits`` says that something changed which the figures do not hold yet; they will in a moment.
    """

    payee_id: UUID
    period: NamedPeriod
    incentives: tuple[Explained, ...]
    waits: bool

    @property
    def totals(self) -> tuple[Money, ...]:
        """Return the sum of the components, one amount per currency."""
        return totals(explained.head.incentive.amount for explained in self.incentives)


@dataclass(frozen=True, slots=True)
class Total:
    """What a payee earned in a period, one amount per currency."""

    payee_id: UUID
    amounts: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A line of the ledger behind a statement, and what caused it."""

    id: UUID
    plan_id: UUID
    plan_version: int
    component: str
    tier: int
    amount: Money
    cause: Cause
    correlation_id: UUID
    posted_at: datetime


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return the sums of amounts by currency, in the order of the codes."""
    found: dict[str, Money] = {}
    for money in amounts:
        found[money.currency] = found.get(money.currency, Money.zero(money.currency)) + money
    return tuple(found[currency] for currency in sorted(found))
