"""Reading statements: what everybody earned in a period, and the ledger behind one of them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.performance.incentives.model import Cause
from services.performance.statements.model import LedgerLine, Total
from shared.db import Connection, Row
from shared.errors import Invalid, NotFound
from shared.money import Money
from shared.period import FiscalCalendar, NamedPeriod, PeriodKind

_TOTALS: Final[LiteralString] = """
    SELECT payee_id, currency, sum(amount) AS amount
      FROM incentive
     WHERE period = $1
       AND payee_id IN (
            SELECT DISTINCT payee_id
              FROM incentive
             WHERE period = $1 AND payee_id > $2
             ORDER BY payee_id
             LIMIT $3)
     GROUP BY payee_id, currency
     ORDER BY payee_id, currency
"""
_ENTRIES: Final[LiteralString] = """
    SELECT id, plan_id, plan_version, component, tier, amount, currency, cause_source,
           cause_partition, cause_first, cause_last, correlation_id, posted_at
      FROM incentive_entry
     WHERE payee_id = $1
       AND period = $2
       AND ($3 = '00000000-0000-0000-0000-000000000000'::uuid
            OR sequence > (
                SELECT sequence FROM incentive_entry WHERE payee_id = $1 AND id = $3))
     ORDER BY sequence
     LIMIT $4
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


async def listed(conn: Connection, period: str, after: UUID, limit: int) -> Sequence[Total]:
    """Return what payees earned in a period, by their ids."""
    amounts: defaultdict[UUID, list[Money]] = defaultdict(list)
    for row in await conn.fetch(_TOTALS, period, after, limit):
        amounts[row["payee_id"]].append(Money(row["amount"], row["currency"]))
    return [Total(payee_id, tuple(found)) for payee_id, found in amounts.items()]


async def entries(
    conn: Connection, payee_id: UUID, period: str, after: UUID, limit: int
) -> Sequence[LedgerLine]:
    """Return the ledger of a payee and period as it was posted, behind the id of a line."""
    return [_line(row) for row in await conn.fetch(_ENTRIES, payee_id, period, after, limit)]


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
