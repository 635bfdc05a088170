"""The log by itself: dense numbers, links, heads, and events that are what they say."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from deploy.verify.findings import NOTHING, Report
from deploy.verify.ids import derived, made_at
from deploy.verify.told import SUBJECT_FIELDS, Log, Told

CLOCKS_DIFFER = timedelta(minutes=10)


def check_log(report: Report, log: Log) -> None:
    """Check the numbers, links and heads of a log, and each event by itself."""
    report.checked["events"] += len(log.numbered)
    for partition in sorted(set(log.relay) | set(log.by_partition)):
        _check_partition(report, log, partition)
    _check_relay(report, log)
    _check_versions(report, log)
    for event_id, times in Counter(told.id for told in [*log.numbered, *log.waiting]).items():
        if times > 1:
            where = f"{log.source}.event_log event {event_id}"
            report.wrong("log.event_once", where, times, 1)
    for told in log.events:
        _check_event(report, log, told)
    for told in log.unreadable:
        report.open("event.unreadable", told.place, told.type, NOTHING)
    for told in log.waiting:
        report.open("log.not_numbered", told.place, NOTHING, "a number")


def _check_partition(report: Report, log: Log, partition: int) -> None:
    events = log.by_partition.get(partition, [])
    for before, after in pairwise(events):
        report.equal("log.dense", after.place, after.number, (before.number or 0) + 1)
        report.equal("log.linked", after.place, after.previous_id, before.id)
    if not events:
        return
    first = events[0]
    if first.number == 1:
        report.equal("log.linked", first.place, first.previous_id, None)
    elif first.previous_id is None or _cannot_be_forgotten(first.previous_id, first.logged_at):
        report.wrong("log.dense", first.place, first.number, "the number after the one before")


def _cannot_be_forgotten(lost: UUID, kept_since: datetime | None) -> bool:
    """Tell whether an event that is missing belongs to a week that is still kept.

    The log is forgotten by whole weeks, which begin on Monday.
    """
    made = made_at(lost)
    if made is None or kept_since is None:
        return False
    midnight = kept_since.replace(hour=0, minute=0, second=0, microsecond=0)
    return made > midnight - timedelta(days=kept_since.weekday()) + CLOCKS_DIFFER


def _check_relay(report: Report, log: Log) -> None:
    where = f"{log.source}.relay"
    report.equal("relay.partitions", where, sorted(log.relay), list(range(len(log.relay))))
    for partition, row in log.relay.items():
        place = f"{where} partition {partition}"
        events = log.by_partition.get(partition)
        if events:
            report.equal("relay.head", place, row["head"], events[-1].number)
            report.equal("relay.head", place, row["head_event_id"], events[-1].id)
        is_named = (row["head"] == 0) == (row["head_event_id"] is None)
        report.holds("relay.head", place, row["head_event_id"], "the last event", true=is_named)
        acknowledged = row["acknowledged"]
        report.holds(
            "relay.acknowledged",
            place,
            acknowledged,
            f"0 to {row['head']}",
            true=0 <= acknowledged <= row["head"],
        )
    for partition in log.by_partition.keys() - log.relay.keys():
        report.wrong("relay.partitions", f"{where} partition {partition}", NOTHING, "a head")


def _check_event(report: Report, log: Log, told: Told) -> None:
    payload = told.payload
    report.equal("event.partition", told.place, told.partition, log.partition_of(told.subject))
    report.equal("event.version", told.place, payload.get("version"), told.version)
    field = SUBJECT_FIELDS.get(told.name)
    if field is None:
        report.wrong("event.type", told.place, told.type, "a type that the verifier knows")
        return
    report.equal("event.subject", told.place, payload.get(field), str(told.subject))
    report.equal("event.type", told.place, told.type, f"pharos.{log.source}.{told.name}.v1")
    if told.causation_id is not None:
        own = derived(told.causation_id, told.type, told.subject, told.version)
        report.equal("event.id", told.place, told.id, own)


def _check_versions(report: Report, log: Log) -> None:
    """Check that each subject's versions go up one by one, from the first that is kept.

    An attainment counts by partition, and is told again at the same version for a new target.
    """
    for (noun, subject), events in log.by_subject.items():
        if noun == "attainment":
            continue
        if not log.is_forgotten(subject):
            report.equal("event.versions", events[0].place, events[0].version, 1)
        for before, after in pairwise(events):
            report.equal("event.versions", after.place, after.version, before.version + 1)
