"""The organisation by date: who belongs where, and that it is what was told of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from deploy.verify.findings import NOTHING, Report
from deploy.verify.reading import Tables
from deploy.verify.told import Log, Told

Steps = Mapping[UUID, Sequence[tuple[date, UUID | None]]]


@dataclass(frozen=True, slots=True)
class Organisation:
    """Units of members and parents of units, each from a date on."""

    unit_of: Steps
    parent_of: Steps

    def above(self, member_id: UUID, day: date) -> Sequence[UUID]:
        """Return the units above a member on a day, nearest first."""
        path: list[UUID] = []
        unit_id = step_on(self.unit_of, member_id, day)
        while unit_id is not None and unit_id not in path:
            path.append(unit_id)
            unit_id = step_on(self.parent_of, unit_id, day)
        return path

    def days_within(self, starts: date, ends: date) -> Sequence[date]:
        """Return the first day of a period, and those in it on which anything moves."""
        moves = {
            day
            for steps in (*self.unit_of.values(), *self.parent_of.values())
            for day, _ in steps
            if starts < day < ends
        }
        return [starts, *sorted(moves)]

    def below(self, day: date) -> Mapping[UUID, frozenset[tuple[str, UUID]]]:
        """Return of each unit the members of itself and the units right below it on a day."""
        found: defaultdict[UUID, set[tuple[str, UUID]]] = defaultdict(set)
        for scope, steps in (("member", self.unit_of), ("unit", self.parent_of)):
            for key in steps:
                above = step_on(steps, key, day)
                if above is not None:
                    found[above].add((scope, key))
        return {unit_id: frozenset(parts) for unit_id, parts in found.items()}


def organisation_of(tables: Tables) -> Organisation:
    """Return the organisation as its tables say it."""
    unit_of: defaultdict[UUID, list[tuple[date, UUID | None]]] = defaultdict(list)
    parent_of: defaultdict[UUID, list[tuple[date, UUID | None]]] = defaultdict(list)
    for row in tables["assignment"]:
        unit_of[row["member_id"]].append((row["valid_from"], row["unit_id"]))
    for row in tables["unit_placement"]:
        parent_of[row["unit_id"]].append((row["valid_from"], row["parent_id"]))
    return Organisation(unit_of, parent_of)


def step_on(steps: Steps, key: UUID, day: date) -> UUID | None:
    """Return what holds on a day: the last step that begins by then."""
    found = None
    for since, value in steps.get(key, ()):
        if since <= day:
            found = value
    return found


def check_organisation(report: Report, tables: Tables, log: Log) -> None:
    """Check units, members and where they belong against what was told of them."""
    report.checked["units"] += len(tables["unit"])
    report.checked["members"] += len(tables["member"])
    _check_saved(report, tables, log, "unit", ("name", "kind"))
    _check_saved(report, tables, log, "member", ())
    _check_steps(report, tables, log, "unit_placement", "unit.placed", "unit_id", ("parent_id",))
    _check_steps(
        report, tables, log, "assignment", "member.assigned", "member_id", ("unit_id", "leads")
    )
    _check_known(report, tables)
    _check_circles(report, tables)


def _check_saved(
    report: Report, tables: Tables, log: Log, noun: str, fields: Sequence[str]
) -> None:
    rows = {row["id"]: row for row in tables[noun]}
    versions = {
        subject: events[-1].version
        for (told_noun, subject), events in log.by_subject.items()
        if told_noun == noun
    }
    saved = {told.subject: told.payload for told in log.last(f"{noun}.saved")}
    for key in sorted(rows.keys() | versions.keys()):
        where = f"targets.{noun} {key}"
        row = rows.get(key)
        if row is None:
            report.wrong(f"{noun}.missing", where, NOTHING, versions[key])
            continue
        if key in versions:
            report.equal(f"{noun}.version", where, row["version"], versions[key])
        elif not log.is_forgotten(key):
            report.wrong(f"{noun}.untold", where, row["version"], NOTHING)
        for field in fields if key in saved else ():
            report.equal(f"{noun}.{field}", where, row[field], saved[key].get(field))


def _check_steps(
    report: Report,
    tables: Tables,
    log: Log,
    table: str,
    name: str,
    key: str,
    fields: Sequence[str],
) -> None:
    rows = {(row[key], row["valid_from"]): row for row in tables[table]}
    told: dict[tuple[UUID, date], Told] = {}
    for event in log.events:
        if event.name == name:
            told[event.subject, date.fromisoformat(event.payload["valid_from"])] = event
    for place in sorted(rows.keys() | told.keys()):
        where = f"targets.{table} {place[0]} {place[1]}"
        row, event_of = rows.get(place), told.get(place)
        if row is None:
            report.wrong(f"{table}.missing", where, NOTHING, event_of.place if event_of else "")
        elif event_of is None:
            if not log.is_forgotten(place[0]):
                report.wrong(f"{table}.untold", where, _said(row, fields), NOTHING)
        else:
            said = {field: event_of.payload.get(field) for field in fields}
            report.equal(f"{table}.told", where, _said(row, fields), said)


def _said(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {
        field: str(row[field]) if isinstance(row[field], UUID) else row[field] for field in fields
    }


def _check_known(report: Report, tables: Tables) -> None:
    units = {row["id"] for row in tables["unit"]}
    members = {row["id"] for row in tables["member"]}
    for row in tables["unit_placement"]:
        where = f"targets.unit_placement {row['unit_id']} {row['valid_from']}"
        known = row["unit_id"] in units and row["parent_id"] in units | {None}
        report.holds("unit_placement.known", where, row["parent_id"], "a unit", true=known)
    for row in tables["assignment"]:
        where = f"targets.assignment {row['member_id']} {row['valid_from']}"
        known = row["member_id"] in members and row["unit_id"] in units | {None}
        report.holds("assignment.known", where, row["unit_id"], "a unit", true=known)


def _check_circles(report: Report, tables: Tables) -> None:
    """Climb from every unit on every date on which anything moves."""
    found = organisation_of(tables)
    days = sorted({row["valid_from"] for row in tables["unit_placement"]})
    for unit_id in found.parent_of:
        for day in days:
            seen: list[UUID] = []
            above: UUID | None = unit_id
            while above is not None and above not in seen:
                seen.append(above)
                above = step_on(found.parent_of, above, day)
            if above is not None:
                report.wrong(
                    "unit_placement.circle", f"targets.unit {unit_id} {day}", above, NOTHING
                )
                break
