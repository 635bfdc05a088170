"""The directory of each service: what it took from the organisation, and what follows from that."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeAlias
from uuid import UUID

from deploy.verify.consumers import Progress
from deploy.verify.findings import NOTHING, Report
from deploy.verify.organisation import Steps, step_on
from deploy.verify.reading import Tables
from deploy.verify.told import Log, Told

Key: TypeAlias = tuple[Any, ...]
Values: TypeAlias = tuple[Any, ...]

ALWAYS, FOREVER = date.min, date.max
# By table: the event that fills it, its key, what it says under that, and whose rows those are.
_TABLES: Final[Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...], str]]] = {
    "directory_unit": ("unit.saved", ("unit_id",), ("name", "kind"), "unit"),
    "directory_placement": (
        "unit.placed",
        ("unit_id", "valid_from"),
        ("parent_id",),
        "unit_placement",
    ),
    "directory_member": (
        "member.saved",
        ("member_id",),
        ("external_source", "external_id"),
        "member",
    ),
    "directory_assignment": (
        "member.assigned",
        ("member_id", "valid_from"),
        ("unit_id", "leads"),
        "assignment",
    ),
}


def check_directory(
    report: Report, progressed: Progress, tables: Tables, log: Log, source: Tables
) -> None:
    """Check what a reader knows; what the log forgot, against the directory of the source."""
    service, events = progressed.reader.service, progressed.applied(log)
    remembers = progressed.is_at_head(log) and not log.is_whole
    for table in _TABLES:
        kept = _kept(table, tables)
        told = _told(table, events, kept)
        if remembers:
            told = _kept(table, source) | told
        _compare(report, f"{service}.{table}", kept, told, log)
    _check_derived(report, service, tables)


def check_own_directory(report: Report, tables: Tables, log: Log) -> None:
    """Check the directory beside the organisation itself: against that, and the log."""
    for table, (_, keys, fields, own) in _TABLES.items():
        where = f"targets.{table}"
        named = {"unit": "id", "member": "id"}.get(own)
        held = {
            tuple(row[named or key] for key in keys): tuple(row[field] for field in fields)
            for row in tables[own]
        }
        kept = _kept(table, tables)
        for key in sorted(held.keys() | kept.keys()):
            says = kept[key][1:] if key in kept else NOTHING
            report.equal(f"{table}.own", _where(where, key), says, held.get(key, NOTHING))
        _compare(report, where, kept, _told(table, log.events, kept), log)
    _check_derived(report, "targets", tables)


def _kept(table: str, tables: Tables) -> dict[Key, Values]:
    """Return the rows of a table, (version, values …) by key."""
    _, keys, fields, _ = _TABLES[table]
    return {
        tuple(row[key] for key in keys): (row["version"], *(row[field] for field in fields))
        for row in tables[table]
    }


def _told(table: str, events: Iterable[Told], kept: Mapping[Key, Values]) -> dict[Key, Values]:
    """Return what events say of a table, each key at its highest version.

    A field that an event of an earlier release did not have yet is as it is kept.
    """
    name, keys, fields, _ = _TABLES[table]
    found: dict[Key, Values] = {}
    for told in events:
        if told.name == name:
            key = tuple(_value(key, told.payload[key]) for key in keys)
            if key not in found or found[key][0] < told.version:
                held = kept.get(key, (None,) * (1 + len(fields)))[1:]
                said = (
                    _value(field, told.payload.get(field, before))
                    for field, before in zip(fields, held, strict=True)
                )
                found[key] = (told.version, *said)
    return found


def _value(field: str, said: object) -> object:
    if said is None:
        return None
    if field in {"unit_id", "parent_id", "member_id"}:
        return UUID(str(said))
    return date.fromisoformat(str(said)) if field == "valid_from" else said


def _compare(
    report: Report, where: str, kept: Mapping[Key, Values], told: Mapping[Key, Values], log: Log
) -> None:
    table = where.partition(".")[2]
    report.checked["directory"] += len(kept)
    for key in sorted(kept.keys() | told.keys()):
        if key in told or not log.is_forgotten(key[0]):
            should = told.get(key, NOTHING)
            report.equal(f"{table}.told", _where(where, key), kept.get(key, NOTHING), should)


def _where(where: str, key: Key) -> str:
    return f"{where} {' '.join(map(str, key))}"


def _check_derived(report: Report, service: str, tables: Tables) -> None:
    posts = {
        tuple(row[field] for field in ("member_id", "starts", "ends", "unit_id", "leads"))
        for row in tables["directory_post"]
    }
    lines = {
        tuple(row[field] for field in ("unit_id", "above_id", "starts", "ends"))
        for row in tables["unit_line"]
    }
    _differ(report, f"{service}.directory_post", posts, set(_posts(tables)))
    _differ(report, f"{service}.unit_line", lines, set(_lines(tables)))


def _differ(report: Report, where: str, kept: set[Key], should: set[Key]) -> None:
    table = where.partition(".")[2]
    report.checked["directory"] += len(kept)
    for row in sorted(kept - should, key=str):
        report.wrong(f"{table}.derived", _where(where, row), row, NOTHING)
    for row in sorted(should - kept, key=str):
        report.wrong(f"{table}.missing", _where(where, row), NOTHING, row)


def _posts(tables: Tables) -> Iterator[Key]:
    rows = sorted(
        tables["directory_assignment"], key=lambda row: (row["member_id"], row["valid_from"])
    )
    for row, after in zip(rows, [*rows[1:], None], strict=False):
        goes_on = after is not None and after["member_id"] == row["member_id"]
        ends = after["valid_from"] if after is not None and goes_on else FOREVER
        if row["unit_id"] is not None:
            yield row["member_id"], row["valid_from"], ends, row["unit_id"], row["leads"]


def _lines(tables: Tables) -> Iterator[Key]:
    """Climb from every unit on every day on which anything above it moves."""
    parent_of: defaultdict[UUID, list[tuple[date, UUID | None]]] = defaultdict(list)
    for row in tables["directory_placement"]:
        parent_of[row["unit_id"]].append((row["valid_from"], row["parent_id"]))
    for steps in parent_of.values():
        steps.sort()
    for unit_id in {row["unit_id"] for row in tables["directory_unit"]} | set(parent_of):
        days = [*_days(parent_of, unit_id), FOREVER]
        since: dict[UUID, date] = {}
        for day in days:
            above = set() if day == FOREVER else _above(parent_of, unit_id, day)
            for over in since.keys() - above:
                yield unit_id, over, since.pop(over), day
            for one in above - since.keys():
                since[one] = day


def _days(parent_of: Steps, unit_id: UUID) -> Sequence[date]:
    """Return the days on which a unit, or any that was ever above it, moves, and the first."""
    met, waiting, days = {unit_id}, [unit_id], {ALWAYS}
    while waiting:
        for day, parent_id in parent_of.get(waiting.pop(), ()):
            days.add(day)
            if parent_id is not None and parent_id not in met:
                met.add(parent_id)
                waiting.append(parent_id)
    return sorted(days)


def _above(parent_of: Steps, unit_id: UUID, day: date) -> set[UUID]:
    met: set[UUID] = set()
    here: UUID | None = unit_id
    while here is not None and here not in met:
        met.add(here)
        here = step_on(parent_of, here, day)
    return met
