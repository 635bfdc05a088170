"""Targets, and what is told of their attainment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from deploy.verify.arithmetic import share_of
from deploy.verify.attainments import Key
from deploy.verify.findings import NOTHING, Report
from deploy.verify.quarters import FiscalCalendar, Quarter, quarter_named
from deploy.verify.reading import Row, Tables
from deploy.verify.told import Log, Told


def number(text: object) -> Decimal | None:
    """Return a number that a payload says, None for none."""
    return None if text is None else Decimal(str(text))


def check_targets(report: Report, tables: Tables, log: Log, calendar: FiscalCalendar) -> None:
    """Check targets against what was told of them, and what was told of their attainment."""
    report.checked["targets"] += len(tables["target"])
    rows = {row["id"]: row for row in tables["target"]}
    last = {told.subject: told for told in log.last("target.set")}
    for target_id in sorted(rows.keys() | last.keys()):
        where = f"targets.target {target_id}"
        row, told = rows.get(target_id), last.get(target_id)
        if row is None:
            report.wrong("target.missing", where, NOTHING, told and told.place)
            continue
        key = Key(row["scope"], row["scope_id"], row["metric"], row["period"], row["currency"])
        report.equal("target.attainment", where, row["attainment_id"], key.id)
        quarter = quarter_named(calendar, row["period"])
        says = Quarter(row["period"], row["starts"], row["ends"])
        report.equal("target.period", where, says, quarter)
        if told is not None:
            _check_told(report, where, row, told.payload)
        elif not log.is_forgotten(target_id):
            report.wrong("target.untold", where, row["version"], NOTHING)
    _check_updates(report, tables, log, rows)


def _check_told(report: Report, where: str, row: Row, said: Mapping[str, Any]) -> None:
    report.equal("target.version", where, row["version"], said["version"])
    report.equal("target.value", where, row["value"], number(said["value"]))
    says = (row["scope"], str(row["scope_id"]), row["metric"], row["period"], row["currency"])
    should = (said["scope"], said["scope_id"], said["metric"], said["period"], said["currency"])
    report.equal("target.key", where, says, (*should[:4], should[4] or ""))
    days = (date.fromisoformat(said["start"]), date.fromisoformat(said["end"]))
    report.equal("target.period", where, (row["starts"], row["ends"]), days)


def _check_updates(report: Report, tables: Tables, log: Log, targets: Mapping[UUID, Row]) -> None:
    """Check that the last that was told of each target's attainment is how it stands."""
    totals = {(row["id"], row["partition"]): row for row in tables["attainment"]}
    told_of: defaultdict[tuple[UUID, int], list[Told]] = defaultdict(list)
    for told in (*log.numbered, *log.waiting):
        if told.name == "attainment.updated":
            told_of[told.subject, told.payload["partition"]].append(told)
            _check_update(report, told, partitions=len(log.relay))
    for (target_id, partition), events in told_of.items():
        _check_order(report, events)
        if target_id not in targets:
            report.wrong("target.missing", f"targets.target {target_id}", NOTHING, partition)
    for target in targets.values():
        for partition in log.relay:
            place = f"targets.attainment {target['attainment_id']} partition {partition}"
            total = totals.get((target["attainment_id"], partition))
            events = told_of.get((target["id"], partition), [])
            if total is None:
                report.wrong("attainment.missing", place, NOTHING, "a total for its target")
            elif events:
                _check_last(report, place, total, target, events[-1])
            elif not log.is_forgotten(target["id"]):
                report.wrong("attainment.untold", place, total["actual"], NOTHING)


def _check_order(report: Report, events: Sequence[Told]) -> None:
    for before, after in pairwise(events):
        goes_up = before.version <= after.version
        text = f"≥ {before.version}"
        report.holds("attainment.told_order", after.place, after.version, text, true=goes_up)


def _check_update(report: Report, told: Told, *, partitions: int) -> None:
    said = told.payload
    actual, value = Decimal(said["actual"]), number(said["value"])
    ratio = number(said["attainment"])
    report.equal("attainment.told_ratio", told.place, ratio, share_of(actual, value))
    if partitions == 1:
        own = Decimal(said["partition_actual"])
        report.equal("attainment.told_actual", told.place, actual, own)


def _check_last(report: Report, where: str, total: Row, target: Row, told: Told) -> None:
    said = told.payload
    report.equal("attainment.told", where, total["version"], told.version)
    report.equal("attainment.told", where, total["actual"], Decimal(said["partition_actual"]))
    report.equal("attainment.told_value", told.place, number(said["value"]), target["value"])
    should = (target["version"], target["scope"], str(target["scope_id"]), target["metric"])
    says = (said["target_version"], said["scope"], said["scope_id"], said["metric"])
    report.equal("attainment.told_target", told.place, says, should)
    period = (said["period"], said["currency"] or "")
    report.equal(
        "attainment.told_target", told.place, period, (target["period"], target["currency"])
    )
