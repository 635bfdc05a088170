"""Quotas: the targets as pay knows them, held against what targets has told up to the watermark."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from deploy.verify.consumers import Progress
from deploy.verify.findings import NOTHING, Report
from deploy.verify.reading import Row, Tables
from deploy.verify.targets import number
from deploy.verify.told import Log


class Aim(NamedTuple):
    """What a target is of."""

    scope: str
    scope_id: UUID
    metric: str
    period: str
    currency: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What is aimed at, None when withdrawn, and what has been reached by all partitions."""

    value: Decimal | None
    actual: Decimal


class _Value(NamedTuple):
    version: int
    aim: Aim
    value: Decimal | None


class _Actual(NamedTuple):
    version: int
    actual: Decimal


def figures_of(tables: Tables) -> Mapping[Aim, Figures]:
    """Return the quotas that performance itself has stored."""
    actuals: dict[UUID, Decimal] = {}
    for row in tables["quota_actual"]:
        held = actuals.get(row["target_id"], Decimal(0))
        actuals[row["target_id"]] = held + row["actual"]
    return {
        Aim(row["scope"], row["scope_id"], row["metric"], row["period"], row["currency"]): Figures(
            row["value"], actuals.get(row["target_id"], Decimal(0))
        )
        for row in tables["quota"]
    }


def check_quotas(
    report: Report, progressed: Progress, tables: Tables, log: Log, source: Tables
) -> None:
    """Check the stored quotas and actuals; what the log forgot, against the targets themselves."""
    report.checked["quotas"] += len(tables["quota"])
    values, actuals = _told(progressed, log)
    if progressed.is_at_head(log) and not log.is_whole:
        _remember(values, actuals, source)
    rows = {
        row["target_id"]: _Value(
            row["version"],
            Aim(row["scope"], row["scope_id"], row["metric"], row["period"], row["currency"]),
            row["value"],
        )
        for row in tables["quota"]
    }
    for target_id in sorted(rows.keys() | values.keys()):
        where = f"performance.quota target {target_id}"
        if target_id in rows and target_id not in values and log.is_forgotten(target_id):
            continue
        says, should = rows.get(target_id), values.get(target_id)
        report.equal("quota.value", where, says or NOTHING, should or NOTHING)
    totals = {
        (row["target_id"], row["partition"]): _Actual(row["version"], row["actual"])
        for row in tables["quota_actual"]
    }
    for place in sorted(totals.keys() | actuals.keys()):
        where = f"performance.quota_actual target {place[0]} partition {place[1]}"
        if place in totals and place not in actuals and log.is_forgotten(place[0]):
            continue
        report.equal(
            "quota_actual.actual", where, totals.get(place, NOTHING), actuals.get(place, NOTHING)
        )


def _told(
    progressed: Progress, log: Log
) -> tuple[dict[UUID, _Value], dict[tuple[UUID, int], _Actual]]:
    """Return what was told of targets and of the actuals of units, each at its newest version."""
    values: dict[UUID, _Value] = {}
    actuals: dict[tuple[UUID, int], _Actual] = {}
    for told in progressed.applied(log):
        said = told.payload
        if told.name == "target.set":
            aim = Aim(
                said["scope"],
                UUID(said["scope_id"]),
                said["metric"],
                said["period"],
                said["currency"] or "",
            )
            held = values.get(told.subject)
            if held is None or held.version < told.version:
                values[told.subject] = _Value(told.version, aim, number(said["value"]))
        elif told.name == "attainment.updated" and said["scope"] == "unit":
            place = (told.subject, said["partition"])
            before = actuals.get(place)
            if before is None or before.version < told.version:
                actuals[place] = _Actual(told.version, Decimal(said["partition_actual"]))
    return values, actuals


def _remember(
    values: dict[UUID, _Value], actuals: dict[tuple[UUID, int], _Actual], source: Tables
) -> None:
    """Add what the log has forgotten from the tables of targets, which is where it came from."""
    totals: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in source["attainment"]:
        totals[row["id"]].append(row)
    for row in source["target"]:
        aim = Aim(row["scope"], row["scope_id"], row["metric"], row["period"], row["currency"])
        values.setdefault(row["id"], _Value(row["version"], aim, row["value"]))
        for total in totals[row["attainment_id"]] if row["scope"] == "unit" else ():
            actual = _Actual(total["version"], total["actual"])
            actuals.setdefault((row["id"], total["partition"]), actual)
