"""Plans and whom they pay: what was told of them, and that their tables hold together."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID

from deploy.verify.findings import NOTHING, Report
from deploy.verify.ids import derived
from deploy.verify.pay import Table, table_of
from deploy.verify.quarters import FiscalCalendar, Quarter, quarter_of
from deploy.verify.reading import Row, Tables
from deploy.verify.told import Log


@dataclass(frozen=True, slots=True)
class Component:
    """What pays by a rate table; ``unit_id`` None measures the payee's own credits."""

    key: str
    metric: str
    unit_id: UUID | None
    period: str
    table: Table
    without_quota: Table | None
    rounding: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a plan, from a day on."""

    plan_id: UUID
    number: int
    valid_from: date
    currency: str
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Paid:
    """Which version of a plan pays somebody in a quarter, and on which days of it."""

    version: Version
    spans: tuple[tuple[date, date], ...]


class Plans:
    """All versions of all plans, and who is assigned to them."""

    def __init__(self, report: Report, tables: Tables) -> None:
        self.versions: dict[UUID, list[Version]] = {}
        for row in tables["plan_version"]:
            version = _version(report, row)
            if version is not None:
                self.versions.setdefault(row["plan_id"], []).append(version)
        self.assignments: defaultdict[UUID, list[Row]] = defaultdict(list)
        for row in tables["plan_assignment"]:
            self.assignments[row["payee_id"]].append(row)

    def paying(self, payee_id: UUID, quarter: Quarter) -> Sequence[Paid]:
        """Return what pays somebody in a quarter.

        Of a plan it is the last version that begins by the quarter's first day.
        """
        spans: defaultdict[UUID, list[tuple[date, date]]] = defaultdict(list)
        for row in self.assignments.get(payee_id, ()):
            starts = max(row["valid_from"], quarter.starts)
            ends = min(row["valid_to"] or quarter.ends, quarter.ends)
            if starts < ends:
                spans[row["plan_id"]].append((starts, ends))
        found = []
        for plan_id, days in spans.items():
            begun = [v for v in self.versions.get(plan_id, ()) if v.valid_from <= quarter.starts]
            if begun:
                last = max(begun, key=lambda version: version.valid_from)
                found.append(Paid(last, tuple(days)))
        return found


def _version(report: Report, row: Row) -> Version | None:
    where = f"performance.plan_version {row['plan_id']} {row['number']}"
    try:
        components = tuple(_component(said) for said in json.loads(row["components"]))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        report.wrong("plan_version.components", where, repr(error), "components")
        return None
    units = sorted({c.unit_id for c in components if c.unit_id is not None})
    report.equal("plan_version.units", where, list(row["unit_ids"]), units)
    keys = [component.key for component in components]
    report.equal("plan_version.keys", where, len(set(keys)), len(keys))
    for component in components:
        for table in (component.table, component.without_quota):
            if table is not None:
                _check_table(report, f"{where} {component.key}", table)
    return Version(row["plan_id"], row["number"], row["valid_from"], row["currency"], components)


def _component(said: Mapping[str, Any]) -> Component:
    measure, without = said["measure"], said["without_quota"]
    is_own = measure["kind"] == "own_credits"
    return Component(
        key=said["key"],
        metric=measure["metric"],
        unit_id=None if is_own else UUID(measure["unit_id"]),
        period=said["period"],
        table=table_of(said["table"]),
        without_quota=None if without is None else table_of(without),
        rounding=said["rounding"],
    )


def _check_table(report: Report, where: str, table: Table) -> None:
    """Check that tiers begin at nothing, leave nothing out, and end without end."""
    report.equal("plan_version.table", where, table.tiers[0].start, 0)
    report.equal("plan_version.table", where, table.tiers[-1].end, None)
    for tier, above in pairwise(table.tiers):
        report.equal("plan_version.table", where, above.start, tier.end)
        is_some = tier.end is not None and tier.start < tier.end
        report.holds("plan_version.table", where, tier.end, f"> {tier.start}", true=is_some)


def check_plans(report: Report, tables: Tables, log: Log, calendar: FiscalCalendar) -> None:
    """Check plans, versions and assignments against what was told of them."""
    report.checked["plans"] += len(tables["plan"])
    report.checked["plan_assignments"] += len(tables["plan_assignment"])
    versions: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in tables["plan_version"]:
        versions[row["plan_id"]].append(row)
    told = {
        (event.subject, event.payload["plan_version"]): event.payload
        for event in log.events
        if event.name == "plan.saved"
    }
    plans = {row["id"]: row for row in tables["plan"]}
    for plan_id in sorted(plans.keys() | versions.keys() | {plan_id for plan_id, _ in told}):
        where = f"performance.plan {plan_id}"
        if plan_id not in plans:
            report.wrong("plan.missing", where, NOTHING, "a plan")
            continue
        _check_plan(report, where, plans[plan_id], versions[plan_id], calendar)
        for row in versions[plan_id]:
            said = told.get((plan_id, row["number"]))
            if said is not None:
                says = (row["valid_from"].isoformat(), plans[plan_id]["name"])
                report.equal("plan.told", where, says, (said["valid_from"], said["name"]))
            elif not log.is_forgotten(plan_id):
                report.wrong("plan.untold", where, row["number"], NOTHING)
    _check_assignments(report, tables, log, plans)


def _check_plan(
    report: Report, where: str, plan: Row, versions: Sequence[Row], calendar: FiscalCalendar
) -> None:
    numbers = [row["number"] for row in versions]
    report.equal("plan.versions", where, numbers, list(range(1, plan["version"] + 1)))
    report.equal("plan.currency", where, len({row["currency"] for row in versions}), 1)
    for before, after in pairwise(versions):
        is_later = before["valid_from"] < after["valid_from"]
        text = f"> {before['valid_from']}"
        report.holds("plan.valid_from", where, after["valid_from"], text, true=is_later)
    for row in versions:
        first = quarter_of(calendar, row["valid_from"]).starts
        report.equal("plan.valid_from", where, row["valid_from"], first)


def _check_assignments(report: Report, tables: Tables, log: Log, plans: Mapping[UUID, Row]) -> None:
    told = {event.subject: event.payload for event in log.last("plan.assigned")}
    rows = {row["id"]: row for row in tables["plan_assignment"]}
    for key in sorted(rows.keys() | told.keys()):
        where = f"performance.plan_assignment {key}"
        row, said = rows.get(key), told.get(key)
        if row is None:
            report.wrong("plan_assignment.missing", where, NOTHING, said and said["payee_id"])
            continue
        own = derived("assignment", row["plan_id"], row["payee_id"], row["valid_from"])
        report.equal("plan_assignment.id", where, key, own)
        is_known = row["plan_id"] in plans
        report.holds("plan_assignment.plan", where, row["plan_id"], "a plan", true=is_known)
        if said is not None:
            fields = ("plan_id", "payee_id", "valid_from", "valid_to", "version")
            says = [_text(row[field]) for field in fields]
            report.equal("plan_assignment.told", where, says, [_text(said[f]) for f in fields])
        elif not log.is_forgotten(key):
            report.wrong("plan_assignment.untold", where, row["version"], NOTHING)
    for before, after in pairwise(tables["plan_assignment"]):
        if (before["payee_id"], before["plan_id"]) == (after["payee_id"], after["plan_id"]):
            is_over = before["valid_to"] is not None and before["valid_to"] <= after["valid_from"]
            where = f"performance.plan_assignment {after['id']}"
            text = f"≥ {before['valid_to']}"
            report.holds("plan_assignment.once", where, after["valid_from"], text, true=is_over)


def _text(value: object) -> str:
    return NOTHING if value is None else str(value)
