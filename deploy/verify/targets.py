"""Targets, and what is told of their attainment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from deploy.verify.arithmetic import share_of
from deploy.verify.attainments import Key
from deploy.verify.findings import NOTHING, Report
from deploy.verify.quarters import FiscalCalendar, Quarter, quarter_named
from deploy.verify.reading import Row, Tables
from deploy.verify.repairs import repairs_of
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
    for told in log.events:
        if told.name == "attainment.updated":
            told_of[told.subject, told.payload["partition"]].append(told)
            _check_update(report, told, partitions=len(log.relay))
    posted = _posted(tables)
    repairs = repairs_of(tables, "attainment", "pipeline")
    values = {
        (told.subject, told.version): number(told.payload["value"])
        for told in log.events
        if told.name == "target.set"
    }
    for (target_id, partition), events in told_of.items():
        _check_values(report, values, events)
        _check_order(report, events)
        # A rebuild posts anew, as of when things happened; what was told before stays as it was.
        since = sum(not repairs.posted_anew(partition, told.time) for told in events)
        rest = events[max(0, len(events) - since - 1) :]
        _check_steps(report, rest, targets.get(target_id), partition, posted)
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
    """Check that versions go up."""
    for before, after in pairwise(events):
        goes_up = before.version <= after.version
        text = f"≥ {before.version}"
        report.holds("attainment.told_order", after.place, after.version, text, true=goes_up)


def _check_steps(
    report: Report,
    events: Sequence[Told],
    target: Row | None,
    partition: int,
    posted: Mapping[tuple[UUID, int, datetime], Decimal],
) -> None:
    """Check that each step is what was posted at that very moment."""
    last: dict[datetime, Decimal] = {}
    for told in events:
        last[told.time] = Decimal(told.payload["partition_actual"])
    for (_, before_actual), (time, actual) in pairwise(last.items()):
        if target is not None:
            step = posted.get((target["attainment_id"], partition, time), Decimal(0))
            places = [told.place for told in events if told.time == time]
            report.equal("attainment.step", places[-1], actual - before_actual, step)


def _posted(tables: Tables) -> Mapping[tuple[UUID, int, datetime], Decimal]:
    """Return what was posted to each total, by the moment: a batch has one for all it does."""
    found: defaultdict[tuple[UUID, int, datetime], Decimal] = defaultdict(Decimal)
    for row in tables["attainment_entry"]:
        found[row["attainment_id"], row["partition"], row["posted_at"]] += row["amount"]
    return found


def _check_values(
    report: Report, values: Mapping[tuple[UUID, int], Decimal | None], events: Sequence[Told]
) -> None:
    """Check that what is told of an attainment names the value of that version of its target."""
    for told in events:
        version = (told.subject, told.payload["target_version"])
        if version in values:
            says = number(told.payload["value"])
            report.equal("attainment.told_value", told.place, says, values[version])


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
