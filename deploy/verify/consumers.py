"""Consumers: how far each is, what it put aside, and which events it has applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from deploy.verify.findings import NOTHING, Report
from deploy.verify.ids import derived
from deploy.verify.reading import Row, Tables
from deploy.verify.repairs import Repairs, repairs_of
from deploy.verify.told import Log, Told


@dataclass(frozen=True, slots=True)
class Reader:
    """Who listens to whom."""

    service: str
    consumer: str
    source: str


READERS = (
    Reader("targets", "attainment", "pipeline"),
    Reader("performance", "credits", "pipeline"),
    Reader("performance", "quotas", "targets"),
    Reader("knowledge", "wins", "pipeline"),
    Reader("knowledge", "directory", "targets"),
    Reader("performance", "directory", "targets"),
    Reader("pipeline", "directory", "targets"),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reader is in a source, by partition, and which events it left out."""

    reader: Reader
    numbers: Mapping[int, int]
    aside: frozenset[tuple[int, int, UUID]]
    stopped: bool
    repairs: Repairs

    def applied(self, log: Log) -> Sequence[Told]:
        """Return the events that it has applied, as far as the source still keeps them."""
        return [
            told
            for told in log.readable
            if (told.number or 0) <= self.numbers.get(told.partition, 0)
            and (told.partition, told.number, told.id) not in self.aside
        ]

    def is_at_head(self, log: Log) -> bool:
        """Tell whether it has applied all that there is, with nothing put aside."""
        at_head = all(
            self.numbers.get(partition, 0) == log.head(partition) for partition in log.relay
        )
        return at_head and not self.aside and not log.waiting


def progress(reader: Reader, tables: Tables) -> Progress:
    """Return how far a reader is."""
    marks = [row for row in tables["watermark"] if _is(reader, row)]
    repairs = repairs_of(tables, reader.consumer, reader.source)
    aside = {
        (row["partition"], row["number"], row["event_id"])
        for row in tables["parked"]
        if _is(reader, row)
        and row["state"] != "replayed"
        # What a snapshot said meanwhile is known, whatever had been put aside.
        and not repairs.overruled(row)
    }
    return Progress(
        reader,
        {row["partition"]: row["number"] for row in marks},
        frozenset(aside),
        any(row["stopped"] is not None for row in marks),
        repairs,
    )


def aside_in(schemas: Mapping[str, Tables], source: str) -> frozenset[tuple[int, int]]:
    """Return the places in a source's log that anybody ever put aside."""
    return frozenset(
        (row["partition"], row["number"])
        for tables in schemas.values()
        for row in tables["parked"]
        if row["source"] == source
    )


def check_reader(report: Report, reader: Reader, tables: Tables, log: Log) -> None:
    """Check the watermarks of a reader against the log that it reads, and what it put aside."""
    marks = {row["partition"]: row for row in tables["watermark"] if _is(reader, row)}
    repairs = repairs_of(tables, reader.consumer, reader.source)
    report.checked["watermarks"] += len(marks)
    for partition in sorted(log.relay.keys() | marks.keys()):
        where = _where(reader, "watermark", partition)
        if partition not in log.relay:
            report.wrong("watermark.partition", where, partition, "a partition of the source")
        elif partition in marks:
            _check_mark(report, where, marks[partition], log)
        elif log.head(partition) > 0:
            _check_no_mark(report, where, reader, partition, tables, log)
    for row in tables["parked"]:
        if _is(reader, row):
            _check_parked(report, reader, row)
            if not repairs.excuse(row["partition"], row["parked_at"]):
                _check_place(report, reader, row, marks.get(row["partition"]), log)


def check_others(report: Report, service: str, tables: Tables) -> None:
    """Check that nobody else reads or parks in the name of a service."""
    known = {(reader.consumer, reader.source) for reader in READERS if reader.service == service}
    for table in ("watermark", "parked"):
        for row in tables[table]:
            name = (row["consumer"], row["source"])
            if name not in known:
                where = f"{service}.{table} {name[0]} of {name[1]}"
                report.wrong(f"{table}.consumer", where, name[0], "a consumer of this service")


def _check_mark(report: Report, where: str, mark: Row, log: Log) -> None:
    partition, number = mark["partition"], mark["number"]
    head = log.head(partition)
    report.holds("watermark.head", where, number, f"at most {head}", true=0 <= number <= head)
    told = log.by_number.get((partition, number))
    if told is not None:
        report.equal("watermark.event", where, mark["event_id"], told.id)
    elif number == 0:
        report.equal("watermark.event", where, mark["event_id"], None)
    if mark["stopped"] is not None:
        report.open("watermark.stopped", where, mark["stopped"], NOTHING)
    if number < head:
        report.open("watermark.behind", where, number, head)


def _check_no_mark(
    report: Report, where: str, reader: Reader, partition: int, tables: Tables, log: Log
) -> None:
    """What was applied moved a watermark in the same transaction; without one nothing was."""
    has_read = any(
        row["source"] == reader.source and row["partition"] == partition for row in tables["fact"]
    )
    if reader.consumer == "quotas":
        has_read = any(log.partition_of(row["target_id"]) == partition for row in tables["quota"])
    if reader.consumer == "directory":
        units = (row["unit_id"] for row in tables["directory_unit"])
        members = (row["member_id"] for row in tables["directory_member"])
        has_read = any(log.partition_of(one) == partition for one in (*units, *members))
    if has_read:
        report.wrong("watermark.missing", where, NOTHING, "a watermark")
    else:
        report.open("watermark.behind", where, NOTHING, log.head(partition))


def _check_parked(report: Report, reader: Reader, row: Row) -> None:
    report.checked["parked"] += 1
    where = _parked(reader, row)
    report.equal("parked.id", where, row["id"], derived(row["consumer"], row["event_id"]))
    report.holds("parked.reason", where, row["reason"], "a reason", true=bool(row["reason"]))
    is_settled = row["settled_at"] is not None and bool(row["settled_by"])
    if row["state"] == "parked":
        is_untouched = row["settled_at"] is None and row["settled_by"] is None
        report.holds("parked.settled", where, row["settled_by"], NOTHING, true=is_untouched)
        report.open("parked.waits", where, row["reason"], "replayed, discarded")
    else:
        says = (row["settled_at"], row["settled_by"])
        report.holds("parked.settled", where, says, "when and by whom", true=is_settled)


def _check_place(report: Report, reader: Reader, row: Row, mark: Row | None, log: Log) -> None:
    """What was put aside is an event that was reached; before a repair it may be of another log."""
    where = _parked(reader, row)
    reached = 0 if mark is None else mark["number"]
    report.holds(
        "parked.number", where, row["number"], f"≤ {reached}", true=row["number"] <= reached
    )
    told = log.by_number.get((row["partition"], row["number"]))
    if told is not None:
        report.equal("parked.event", where, row["event_id"], told.id)
        report.equal("parked.event", where, row["type"], told.type)


def _parked(reader: Reader, row: Row) -> str:
    return f"{_where(reader, 'parked', row['partition'])} number {row['number']}"


def _is(reader: Reader, row: Row) -> bool:
    return (row["consumer"], row["source"]) == (reader.consumer, reader.source)


def _where(reader: Reader, table: str, partition: int) -> str:
    return f"{reader.service}.{table} {reader.consumer} of {reader.source} partition {partition}"


def subject_is_aside(progressed: Progress, log: Log, subject: UUID) -> bool:
    """Tell whether any event of a subject was put aside by this reader."""
    return any(
        told.subject == subject
        for *place, _ in progressed.aside
        if (told := log.by_number.get((place[0], place[1]))) is not None
    )
