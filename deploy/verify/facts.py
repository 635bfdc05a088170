"""Stored facts: each is the newest version that its source has told up to the watermark."""

import json
from collections.abc import Iterable, Mapping
from uuid import UUID

from deploy.verify.consumers import Progress, subject_is_aside
from deploy.verify.deals import Deal, Unreadable, check_deal, deal_of
from deploy.verify.findings import NOTHING, Report
from deploy.verify.reading import Row, Tables
from deploy.verify.told import DEAL_NAMES, Log, Told

Facts = Mapping[UUID, Deal]
Places = Mapping[UUID, int]


def stored(report: Report, service: str, tables: Tables) -> tuple[Facts, Places]:
    """Return the deals that a service has stored, and the partition of each."""
    facts, places = {}, {}
    for row in tables["fact"]:
        where = f"{service}.fact deal {row['id']}"
        places[row["id"]] = row["partition"]
        try:
            deal = deal_of(row["body"])
        except Unreadable as error:
            report.wrong("fact.body", where, error, "a deal")
            continue
        report.equal("fact.id", where, deal.id, row["id"])
        report.equal("fact.version", where, row["version"], deal.version)
        check_deal(report, where, deal, ".".join(row["kind"].split(".")[2:-1]))
        facts[row["id"]] = deal
    report.checked["facts"] += len(facts)
    return facts, places


def newest(events: Iterable[Told]) -> Mapping[UUID, Told]:
    """Return the newest version of each deal; of two of one version the one told first."""
    found: dict[UUID, Told] = {}
    for told in events:
        if told.name in DEAL_NAMES:
            held = found.get(told.subject)
            if held is None or held.version < told.version:
                found[told.subject] = told
    return found


def check_facts(
    report: Report, progressed: Progress, tables: Tables, log: Log, source: Tables
) -> None:
    """Check the facts of a reader against the log; where it was forgotten, against the deals."""
    service = progressed.reader.service
    expected = newest(progressed.applied(log))
    deals = {row["id"]: row for row in source["deal"]}
    rows = {row["id"]: row for row in tables["fact"]}
    for fact_id in sorted(rows.keys() | expected.keys()):
        where = f"{service}.fact deal {fact_id}"
        row, told = rows.get(fact_id), expected.get(fact_id)
        if row is None:
            report.wrong("fact.missing", where, NOTHING, told.place if told else NOTHING)
        elif told is not None and row["version"] <= told.version:
            _check_fact(report, where, row, told)
            if not progressed.repairs.brought(row["partition"], row["number"]):
                _check_way(report, where, row, told)
        elif progressed.repairs.brought(row["partition"], row["number"]):
            _check_repaired(report, where, row, log, deals.get(fact_id))
        else:
            _check_untold(report, where, row, log, deals.get(fact_id))
    told_of = {told.subject for told in log.readable if told.name in DEAL_NAMES}
    for deal_id in deals.keys() - rows.keys() - told_of:
        if _must_be_known(progressed, log, deal_id):
            where = f"{service}.fact deal {deal_id}"
            report.wrong("fact.missing", where, NOTHING, deals[deal_id]["version"])


def _check_fact(report: Report, where: str, row: Row, told: Told) -> None:
    report.equal("fact.version", where, row["version"], told.version)
    report.equal("fact.source", where, row["source"], told.source)
    report.equal("fact.partition", where, row["partition"], told.partition)
    if json.loads(row["body"]) != told.payload:
        report.wrong("fact.body", where, row["body"], told.text)


def _check_way(report: Report, where: str, row: Row, told: Told) -> None:
    """Check by which event a fact came; a snapshot brings it without one."""
    report.equal("fact.kind", where, row["kind"], told.type)
    report.equal("fact.number", where, row["number"], told.number)
    report.equal("fact.origin", where, row["origin"], told.origin)
    report.equal("fact.learned_at", where, row["learned_at"], told.time)


def _check_repaired(report: Report, where: str, row: Row, log: Log, deal: Row | None) -> None:
    """A fact that a snapshot brought may be ahead of the events that were applied since.

    It is what the source tells of that version, or else what it holds.
    """
    for told in log.by_subject.get(("deal", row["id"]), ()):
        if told.version == row["version"]:
            _check_fact(report, where, row, told)
            return
    if deal is None or row["version"] > deal["version"]:
        newest = NOTHING if deal is None else deal["version"]
        report.wrong("fact.untold", where, row["version"], f"≤ {newest}")
    elif not log.is_forgotten(row["id"]):
        report.wrong("fact.untold", where, row["version"], "what its source has told")


def _check_untold(report: Report, where: str, row: Row, log: Log, deal: Row | None) -> None:
    """A fact that is newer than what the log has applied came from what the log forgot."""
    if row["number"] >= log.floor(row["partition"]):
        told = log.by_number.get((row["partition"], row["number"]))
        says = NOTHING if told is None else told.subject
        report.wrong("fact.untold", where, f"{says} {row['version']}", "what its source has told")
    elif deal is None:
        report.wrong("fact.untold", where, row["version"], "a deal of its source")
    else:
        report.holds(
            "fact.version",
            where,
            row["version"],
            f"≤ {deal['version']}",
            true=row["version"] <= deal["version"],
        )


def _must_be_known(progressed: Progress, log: Log, deal_id: UUID) -> bool:
    """Tell whether the last event of a deal lies below the floor and was applied."""
    partition = log.partition_of(deal_id)
    floor = log.floor(partition)
    has_passed = progressed.numbers.get(partition, 0) >= floor - 1
    return floor > 1 and has_passed and not subject_is_aside(progressed, log, deal_id)
