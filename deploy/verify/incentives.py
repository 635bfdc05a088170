"""Incentives: each recomputed to the cent from facts, quotas, plans and assignments."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from deploy.verify.arithmetic import minor_digits, share_of
from deploy.verify.credits import credits_of
from deploy.verify.facts import Facts
from deploy.verify.findings import NOTHING, Report
from deploy.verify.ids import derived
from deploy.verify.pay import Line, Table, lines
from deploy.verify.plans import Component, Paid, Plans
from deploy.verify.quarters import FiscalCalendar, Quarter, quarter_named, quarter_of
from deploy.verify.quotas import Aim, Figures, figures_of
from deploy.verify.reading import Row, Tables

ZERO = Decimal(0)


class Key(NamedTuple):
    """Whose incentive, of which quarter, by which component of which plan."""

    payee_id: UUID
    period: str
    plan_id: UUID
    component: str

    @property
    def id(self) -> UUID:
        """Return the id of the incentive."""
        return derived("incentive", self.payee_id, self.plan_id, self.component, self.period)

    @property
    def place(self) -> str:
        """Return where it stands, in words."""
        return (
            f"performance.incentive payee {self.payee_id} {self.period} plan {self.plan_id} "
            f"component {self.component}"
        )


class Credit(NamedTuple):
    """What one deal gives to one payee."""

    fact_id: UUID
    occurred_on: date
    metric: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Due:
    """What an incentive must be, and what it is made of.

    Without a cause, which is a credit or a target, there is nothing to work out.
    """

    plan_version: int
    currency: str
    measured: Decimal
    quota: Decimal | None
    lines: Sequence[Line]
    left_out: Mapping[str, tuple[Decimal, int]]
    has_cause: bool

    @property
    def amount(self) -> Decimal:
        """Return what is due."""
        return sum((line.amount for line in self.lines), ZERO)


class _Sources:
    """All that pay follows from, as performance itself has it."""

    def __init__(
        self, report: Report, tables: Tables, facts: Facts, calendar: FiscalCalendar
    ) -> None:
        self.plans = Plans(report, tables)
        self.figures: Mapping[Aim, Figures] = figures_of(tables)
        self.credits: defaultdict[UUID, list[Credit]] = defaultdict(list)
        for fact_id, deal in facts.items():
            for key, amount in credits_of(deal).items():
                self.credits[key.payee_id].append(Credit(fact_id, *key[1:], amount))
        # A ledger that adds up to nothing is a cause too: the incentive is there, and is nothing.
        self.entries: defaultdict[UUID, set[tuple[date, str]]] = defaultdict(set)
        for row in tables["credit"]:
            self.entries[row["payee_id"]].add((row["occurred_on"], row["metric"]))
        days = {day for entries in self.entries.values() for day, _ in entries}
        days |= {credit.occurred_on for own in self.credits.values() for credit in own}
        names = {quarter_of(calendar, day).name for day in days}
        names |= {aim.period for aim in self.figures}
        names |= {row["period"] for row in tables["incentive"]}
        found = (quarter_named(calendar, name) for name in sorted(names))
        self.quarters: list[Quarter] = [quarter for quarter in found if quarter is not None]


def dues(
    report: Report, tables: Tables, facts: Facts, calendar: FiscalCalendar
) -> Mapping[Key, Due]:
    """Return every incentive that the plans pay, of all payees and quarters."""
    sources = _Sources(report, tables, facts, calendar)
    found: dict[Key, Due] = {}
    for payee_id in sorted(sources.plans.assignments):
        for quarter in sources.quarters:
            for paid in sources.plans.paying(payee_id, quarter):
                for component in paid.version.components:
                    if component.period == "quarter":
                        key = Key(payee_id, quarter.name, paid.version.plan_id, component.key)
                        found[key] = _due(sources, payee_id, quarter, paid, component)
    return found


def _due(
    sources: _Sources, payee_id: UUID, quarter: Quarter, paid: Paid, component: Component
) -> Due:
    currency = paid.version.currency
    scope = ("member", payee_id) if component.unit_id is None else ("unit", component.unit_id)
    figures = sources.figures.get(Aim(*scope, component.metric, quarter.name, currency))
    has_cause = figures is not None or component.unit_id is not None
    left_out: dict[str, tuple[Decimal, int]] = {}
    if component.unit_id is None:
        measured, left_out = _own(sources, payee_id, paid, component.metric)
        has_cause |= any(
            metric == component.metric and _within(day, paid)
            for day, metric in sources.entries[payee_id]
        )
    else:
        measured = ZERO if figures is None else figures.actual
    quota = None if figures is None else figures.value
    pays: Table | None = component.table
    if component.table.bounds == "share_of_quota" and not (quota is not None and quota > 0):
        pays = component.without_quota
    found: Sequence[Line] = ()
    if pays is not None:
        found = lines(pays, measured, quota, minor_digits(currency), component.rounding)
    number = paid.version.number
    return Due(number, currency, measured, quota, found, left_out, has_cause)


def _own(
    sources: _Sources, payee_id: UUID, paid: Paid, metric: str
) -> tuple[Decimal, dict[str, tuple[Decimal, int]]]:
    """Return the own credits of the assigned days, and those in other currencies, counted."""
    measured = ZERO
    left_out: dict[str, tuple[Decimal, int]] = {}
    for credit in sources.credits[payee_id]:
        if credit.metric != metric or not _within(credit.occurred_on, paid):
            continue
        if credit.currency == paid.version.currency:
            measured += credit.amount
        else:
            amount, count = left_out.get(credit.currency, (ZERO, 0))
            left_out[credit.currency] = (amount + credit.amount, count + 1)
    return measured, left_out


def _within(day: date, paid: Paid) -> bool:
    return any(starts <= day < ends for starts, ends in paid.spans)


def check_incentives(
    report: Report, tables: Tables, wanted: Mapping[Key, Due], calendar: FiscalCalendar
) -> None:
    """Hold every incentive against what is due; what is due no longer must be nothing."""
    report.checked["incentives"] += len(tables["incentive"])
    marks = {row["payee_id"]: row["since"] for row in tables["recalculation"]}
    rows = {
        Key(row["payee_id"], row["period"], row["plan_id"], row["component"]): row
        for row in tables["incentive"]
    }
    for key in sorted(rows.keys() | wanted.keys()):
        quarter = quarter_named(calendar, key.period)
        if quarter is None:
            report.wrong("incentive.period", key.place, key.period, "a quarter")
            continue
        since = marks.get(key.payee_id)
        waits = since is not None and quarter.ends > since
        row, due = rows.get(key), wanted.get(key)
        if row is None:
            if due is not None and due.amount:
                note = report.open if waits else report.wrong
                note("incentive.missing", key.place, NOTHING, due.amount)
        elif due is None or not due.has_cause:
            report.equal("incentive.amount", key.place, row["amount"], ZERO, waits=waits)
            _check_trace(report, key, row, None, waits=waits)
        else:
            says = (row["amount"], row["currency"])
            report.equal(
                "incentive.amount", key.place, says, (due.amount, due.currency), waits=waits
            )
            report.equal(
                "incentive.plan_version",
                key.place,
                row["plan_version"],
                due.plan_version,
                waits=waits,
            )
            _check_trace(report, key, row, due, waits=waits)


def _check_trace(report: Report, key: Key, row: Row, due: Due | None, *, waits: bool) -> None:
    """Check that the explanation explains the amount, with the very numbers that are due."""
    try:
        said = _trace(json.loads(row["trace"]), row["currency"])
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        report.wrong("incentive.trace", key.place, repr(error), "an explanation")
        return
    report.equal("incentive.trace", key.place, said["amount"], row["amount"])
    total = sum((line.amount for line in said["lines"]), ZERO)
    report.equal("incentive.trace_lines", key.place, total, row["amount"])
    if due is None:
        report.equal("incentive.trace_lines", key.place, len(said["lines"]), 0, waits=waits)
        return
    should = {
        "measured": due.measured,
        "quota": due.quota,
        "attainment": share_of(due.measured, due.quota),
        "left_out": due.left_out,
        "lines": list(due.lines),
    }
    for part, value in should.items():
        report.equal(f"incentive.trace_{part}", key.place, said[part], value, waits=waits)


def _trace(said: Mapping[str, Any], currency: str) -> dict[str, Any]:
    measured, ratio = said["measured"], said["attainment"]
    quota = measured["quota"]
    return {
        "amount": _money(said["amount"], currency),
        "measured": _money(measured["amount"], currency),
        "quota": None if quota is None else _money(quota, currency),
        "attainment": None if ratio is None else Decimal(ratio["value"]),
        "left_out": {
            part["amount"]["currency"]: (Decimal(part["amount"]["amount"]), part["credits"])
            for part in measured["left_out"]
        },
        "lines": [_line(line, currency) for line in said["lines"]],
    }


def _line(said: Mapping[str, Any], currency: str) -> Line:
    end = said["end"]
    return Line(
        said["tier"],
        Fraction(_money(said["start"], currency)),
        None if end is None else Fraction(_money(end, currency)),
        Fraction(said["rate"]["value"]),
        Fraction(_money(said["slice"], currency)),
        Fraction(_money(said["exact"], currency)),
        _money(said["amount"], currency),
    )


def _money(said: Mapping[str, str], currency: str) -> Decimal:
    if said["currency"] != currency:
        raise ValueError(f"{said['currency']} is not {currency}")
    return Decimal(said["amount"])
