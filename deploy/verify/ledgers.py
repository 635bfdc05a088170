"""The ledger of incentives, and what was told of them: both add up to what stands."""

import json
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from deploy.verify.consumers import READERS
from deploy.verify.findings import NOTHING, Report
from deploy.verify.ids import derived
from deploy.verify.incentives import Key
from deploy.verify.reading import Row, Tables
from deploy.verify.repairs import repairs_of
from deploy.verify.targets import number
from deploy.verify.told import Log, Told

ZERO = Decimal(0)


def check_ledger(report: Report, tables: Tables) -> None:
    """Check that the entries of each incentive, and of each of its tiers, add up to it."""
    report.checked["incentive_entries"] += len(tables["incentive_entry"])
    sums: defaultdict[Key, defaultdict[int, Decimal]]
    sums = defaultdict(lambda: defaultdict(Decimal))
    currencies: defaultdict[Key, set[str]] = defaultdict(set)
    for row in tables["incentive_entry"]:
        key = _key(row)
        sums[key][row["tier"]] += row["amount"]
        currencies[key].add(row["currency"])
        if not row["amount"]:
            report.wrong("incentive_entry.empty", _entry(row), 0, NOTHING)
    rows = {_key(row): row for row in tables["incentive"]}
    for key in sums.keys() - rows.keys():
        report.wrong("incentive.missing", key.place, NOTHING, dict(sums[key]))
    for key, head in rows.items():
        posted = {tier: amount for tier, amount in sums[key].items() if amount}
        report.equal("incentive.ledger", key.place, head["amount"], sum(posted.values(), ZERO))
        report.equal("incentive.ledger_tiers", key.place, posted, _tiers(head))
        others = currencies[key] - {head["currency"]}
        report.holds("incentive.currency", key.place, others, head["currency"], true=not others)


def _tiers(row: Row) -> dict[int, Decimal]:
    found: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in json.loads(row["trace"]).get("lines", ()):
        found[line["tier"]] += Decimal(line["amount"]["amount"])
    return {tier: amount for tier, amount in found.items() if amount}


def check_causes(report: Report, tables: Tables, logs: Mapping[str, Log]) -> None:
    """Check that each entry names numbers that were applied, and is made by one of them, once."""
    reached: defaultdict[tuple[str, int], int] = defaultdict(int)
    names = {(r.consumer, r.source) for r in READERS if r.service == "performance"}
    for row in tables["watermark"]:
        if (row["consumer"], row["source"]) in names:
            reached[row["source"], row["partition"]] = row["number"]
    repairs = {source: repairs_of(tables, consumer, source) for consumer, source in names}
    versions = {(row["plan_id"], row["number"]) for row in tables["plan_version"]}
    for row in tables["incentive_entry"]:
        where = _entry(row)
        is_known = (row["plan_id"], row["plan_version"]) in versions
        report.holds("incentive_entry.plan", where, row["plan_version"], "a version", true=is_known)
        source, first, last = row["cause_source"], row["cause_first"], row["cause_last"]
        if source == "performance":
            nothing = (row["cause_partition"], first, last)
            report.equal("incentive_entry.cause", where, nothing, (None, None, None))
            continue
        if source not in {name for _, name in names}:
            report.wrong("incentive_entry.cause", where, source, "a source of this service")
            continue
        if source not in logs or repairs[source].excuse(row["cause_partition"], row["posted_at"]):
            continue
        end = reached.get((source, row["cause_partition"]), 0)
        is_applied = first is not None and last is not None and 1 <= first <= last <= end
        report.holds(
            "incentive_entry.cause", where, (source, first, last), f"1 to {end}", true=is_applied
        )
        if is_applied:
            _check_made_by(report, where, row, logs[source], logs["performance"])


def _check_made_by(report: Report, where: str, row: Row, log: Log, own: Log) -> None:
    """The id of an entry belongs to the event that brought it, so one event posts it once.

    What was told of the incentive names that event, and the version to which it led.
    """
    key = _key(row)
    if row["cause_first"] < log.floor(row["cause_partition"]) or own.is_forgotten(key.id):
        return
    causes = {
        told.id
        for number_of in range(row["cause_first"], row["cause_last"] + 1)
        if (told := log.by_number.get((row["cause_partition"], number_of))) is not None
    }
    made = {
        derived(told.causation_id, f"entry of tier {row['tier']}", key.id, told.version)
        for told in own.by_subject["incentive", key.id]
        if told.causation_id in causes
    }
    report.holds(
        "incentive_entry.id", where, row["id"], "an id of its cause", true=row["id"] in made
    )


def check_told(report: Report, tables: Tables, log: Log) -> None:
    """Check what was told of each incentive, step by step, against how it stands."""
    told_of: defaultdict[UUID, list[Told]] = defaultdict(list)
    for told in log.events:
        if told.name == "incentive.recalculated":
            told_of[told.subject].append(told)
    rows: dict[UUID, tuple[Key, Row]] = {}
    for row in tables["incentive"]:
        key = _key(row)
        rows[key.id] = key, row
    for incentive_id, events in told_of.items():
        _check_steps(report, events, begins=not log.is_forgotten(incentive_id))
        if incentive_id not in rows:
            where = f"performance.incentive {incentive_id}"
            report.wrong("incentive.missing", where, NOTHING, events[-1].place)
    for incentive_id, (key, row) in rows.items():
        if incentive_id in told_of:
            _check_last(report, key, row, told_of[incentive_id][-1])
        elif not log.is_forgotten(incentive_id):
            report.wrong("incentive.untold", key.place, row["amount"], NOTHING)


def check_steps(report: Report, tables: Tables, log: Log) -> None:
    """Check that each step that was told is what was posted in the same name.

    What one cause did to an incentive is posted and told under one correlation.
    """
    told_of: defaultdict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    versions: defaultdict[tuple[UUID, UUID], set[int]] = defaultdict(set)
    for told in log.events:
        if told.name == "incentive.recalculated":
            place = (told.subject, told.correlation_id)
            told_of[place] += Decimal(told.payload["difference"]["amount"])
            versions[place].add(told.payload["plan_version"])
    posted: defaultdict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    for row in tables["incentive_entry"]:
        incentive_id = _key(row).id
        if log.is_forgotten(incentive_id):
            continue
        place = (incentive_id, row["correlation_id"])
        posted[place] += row["amount"]
        is_told = row["plan_version"] in versions[place]
        should = sorted(versions[place])
        where = _entry(row)
        report.holds("incentive_entry.told", where, row["plan_version"], f"{should}", true=is_told)
    for place in posted.keys() | told_of.keys():
        if not log.is_forgotten(place[0]):
            where = f"performance.incentive_entry incentive {place[0]} correlation {place[1]}"
            report.equal("incentive_entry.step", where, posted[place], told_of[place])


def _key(row: Row) -> Key:
    return Key(row["payee_id"], row["period"], row["plan_id"], row["component"])


def _check_steps(report: Report, events: list[Told], *, begins: bool) -> None:
    """Each step is the difference to the one before."""
    if begins:
        said = events[0].payload
        says = Decimal(said["difference"]["amount"])
        report.equal("incentive.step", events[0].place, says, Decimal(said["amount"]["amount"]))
    for before, after in pairwise(events):
        said = after.payload
        step = Decimal(said["amount"]["amount"]) - Decimal(before.payload["amount"]["amount"])
        says = Decimal(said["difference"]["amount"])
        report.equal("incentive.step", after.place, says, step)


def _check_last(report: Report, key: Key, row: Row, told: Told) -> None:
    said = told.payload
    trace: Mapping[str, Any] = json.loads(row["trace"])
    measured, ratio = trace["measured"], trace["attainment"]
    quota = measured["quota"]
    says = {
        "version": row["version"],
        "plan_version": row["plan_version"],
        "amount": row["amount"],
        "currency": row["currency"],
        "measured": Decimal(measured["amount"]["amount"]),
        "quota": None if quota is None else Decimal(quota["amount"]),
        "attainment": None if ratio is None else Decimal(ratio["value"]),
    }
    should = {
        "version": told.version,
        "plan_version": said["plan_version"],
        "amount": Decimal(said["amount"]["amount"]),
        "currency": said["amount"]["currency"],
        "measured": Decimal(said["measured"]),
        "quota": number(said["quota"]),
        "attainment": number(said["attainment"]),
    }
    for field, value in should.items():
        report.equal(f"incentive.told_{field}", key.place, says[field], value)
    owner = (said["payee_id"], said["period"], said["plan_id"], said["component"])
    report.equal("incentive.told_key", told.place, owner, tuple(map(str, key)))


def check_marks(report: Report, tables: Tables) -> None:
    """Report who waits to be worked out again, and who could not be."""
    for row in tables["recalculation"]:
        where = f"performance.recalculation payee {row['payee_id']} since {row['since']}"
        if row["failed_at"] is None:
            report.open("recalculation.waits", where, NOTHING, row["since"])
        else:
            report.open("recalculation.failed", where, row["reason"], NOTHING)


def _entry(row: Row) -> str:
    return f"performance.incentive_entry {row['id']} payee {row['payee_id']} {row['period']}"
