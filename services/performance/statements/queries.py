"""Reading statements: what everybody earned in a period, and the ledger behind one of them."""

from typing import Final, LiteralString

from services.performance.incentives.model import Cause
from services.performance.statements.model import LedgerLine, Total
from shared.auth.scope import Member, Owned
from shared.db import Row
from shared.directory import trees
from shared.errors import Invalid, NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.listing import Listing
from shared.money import Money
from shared.period import FiscalCalendar, NamedPeriod, PeriodKind

_TOTALS: Final[LiteralString] = """
    SELECT s.payee_id, s.period, s.currencies, s.amounts
      FROM (
        SELECT payee_id, period, array_agg(currency ORDER BY currency) AS currencies,
               array_agg(amount ORDER BY currency) AS amounts
          FROM (
            SELECT payee_id, period, currency, sum(amount) AS amount
              FROM incentive
             GROUP BY payee_id, period, currency) AS by_currency
         GROUP BY payee_id, period) AS s
"""
_ENTRIES: Final[LiteralString] = """
    SELECT e.id, e.payee_id, e.period, e.sequence, e.plan_id, e.plan_version, e.component, e.tier,
           e.amount, e.currency, e.cause_source, e.cause_partition, e.cause_first, e.cause_last,
           e.correlation_id, e.posted_at
      FROM incentive_entry AS e
"""


class StatementByQuarter(Invalid):
    """Incentives are worked out by quarter; what is longer or shorter has none."""

    en = "Statements are drawn up by quarter: send a period such as {example}."
    zh = "结算单按季度编制，请填写季度，例如 {example}。"


class StatementNotFound(NotFound):
    """Nothing was worked out for that payee and period, or it is not the caller's to see."""

    en = "There is no statement of {payee_id} for {period}."
    zh = "不存在 {payee_id} 在 {period} 的结算单。"


def quarter_named(calendar: FiscalCalendar, name: str) -> NamedPeriod:
    """Return a quarter by its name; raises PeriodUnknown and StatementByQuarter."""
    named = calendar.named(name)
    if named.kind is not PeriodKind.QUARTER:
        raise StatementByQuarter(example=calendar.quarter(named.period.start).name)
    return named


def _total(row: Row) -> Total:
    pairs = zip(row["amounts"], row["currencies"], strict=True)
    return Total(row["payee_id"], tuple(Money(amount, currency) for amount, currency in pairs))


def _line(row: Row) -> LedgerLine:
    cause = Cause(
        row["cause_source"], row["cause_partition"], row["cause_first"], row["cause_last"]
    )
    return LedgerLine(
        id=row["id"],
        plan_id=row["plan_id"],
        plan_version=row["plan_version"],
        component=row["component"],
        tier=row["tier"],
        amount=Money(row["amount"], row["currency"]),
        cause=cause,
        correlation_id=row["correlation_id"],
        posted_at=row["posted_at"],
    )


OWNED: Final = Owned(Member("s.payee_id"))
TOTALS: Final = Listing(
    select=_TOTALS,
    of=_total,
    key="payee_id",
    fields={
        "payee_id": Field(
            Kind.ID, "s.payee_id", sorts=True, upwards_only=True, below=trees.members
        ),
        "period": Field(Kind.TEXT, "s.period"),
    },
)
OWNED_ENTRIES: Final = Owned(Member("e.payee_id"))
ENTRIES: Final = Listing(
    select=_ENTRIES,
    of=_line,
    key="sequence",
    fields={
        "id": Field(Kind.ID, "e.id"),
        "payee_id": Field(Kind.ID, "e.payee_id"),
        "period": Field(Kind.TEXT, "e.period"),
        "sequence": Field(Kind.INTEGER, "e.sequence", sorts=True),
        "plan_id": Field(Kind.ID, "e.plan_id"),
        "component": Field(Kind.TEXT, "e.component"),
        "source": Field(Kind.CHOICE, "e.cause_source"),
        "correlation_id": Field(Kind.ID, "e.correlation_id"),
        "posted_at": Field(Kind.INSTANT, "e.posted_at"),
    },
)
