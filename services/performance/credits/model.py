"""What a credit is: the part of a transaction that counts for a payee."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from shared.contracts.targets import Metric
from shared.money import Money
from shared.period import Period


class CreditKey(NamedTuple):
    """Whose credit of what and when. ``currency`` is empty for metrics that are no money."""

    payee_id: UUID
    occurred_on: date
    metric: Metric
    currency: str


class Amounts(NamedTuple):
    """A credit is two numbers: what counts for the quota and what counts for commission."""

    quota: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: what one cause, an event of a source's log, added to a credit."""

    id: UUID
    key: CreditKey
    amounts: Amounts
    fact_id: UUID
    fact_version: int
    cause_id: UUID
    source: str
    partition: int
    number: int
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """What is asked for: the commission credits of a payee in a metric, on some days.

    Spans of one ``place`` belong together: they are counted as one.
    """

    place: int
    payee_id: UUID
    metric: Metric
    span: Period


@dataclass(frozen=True, slots=True)
class DealCredit:
    """What a deal counts for by now, all its entries of a day taken together."""

    fact_id: UUID
    occurred_on: date
    amount: Money
