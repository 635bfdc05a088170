"""Attainment: every actual recomputed from the facts, and the ledger behind it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from deploy.verify.deals import Deal
from deploy.verify.facts import Facts, Places
from deploy.verify.findings import NOTHING, Report
from deploy.verify.ids import derived
from deploy.verify.organisation import Organisation
from deploy.verify.quarters import FiscalCalendar, Quarter, quarter_named, quarter_of
from deploy.verify.reading import Row, Tables
from deploy.verify.repairs import repairs_of
from deploy.verify.told import Log


class Key(NamedTuple):
    """What an attainment is of; the currency is empty where it is no money."""

    scope: str
    scope_id: UUID
    metric: str
    period: str
    currency: str

    @property
    def id(self) -> UUID:
        """Return the id of the attainment."""
        return derived("attainment", *self)


class Amount(NamedTuple):
    """A value and the deals behind it."""

    value: Decimal
    deals: int

    def __add__(self, other: object) -> "Amount":
        """Return both together."""
        if not isinstance(other, Amount):
            return NotImplemented
        return Amount(self.value + other.value, self.deals + other.deals)


NONE = Amount(Decimal(0), 0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is marked to be posted again: these facts, and all that these attainments hold."""

    facts: frozenset[UUID]
    attainments: frozenset[UUID]


def waiting(tables: Tables) -> Waiting:
    """Return which facts wait to be posted again by a changed organisation."""
    attainments = frozenset(row["attainment_id"] for row in tables["reorganisation"])
    facts = {row["fact_id"] for row in tables["repost"]}
    facts |= {
        row["fact_id"] for row in tables["attainment_entry"] if row["attainment_id"] in attainments
    }
    return Waiting(frozenset(facts), attainments)


def counts_for(
    deal: Deal, organisation: Organisation, calendar: FiscalCalendar
) -> Mapping[Key, Amount]:
    """Return what a deal counts for: a won one for each member and all units above, by day."""
    day = deal.won_on
    if day is None:
        return {}
    period = quarter_of(calendar, day).name
    values: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for part in deal.parts:
        scopes = [("member", part.member_id)]
        scopes += [("unit", unit_id) for unit_id in organisation.above(part.member_id, day)]
        for scope, scope_id in scopes:
            values[Key(scope, scope_id, "revenue", period, deal.currency)] += part.amount
            if part.quantity:
                values[Key(scope, scope_id, "units", period, "")] += part.quantity
    return {key: Amount(value, 1) for key, value in values.items()}


def check_attainments(
    report: Report,
    tables: Tables,
    facts: Facts,
    places: Places,
    organisation: Organisation,
    calendar: FiscalCalendar,
) -> None:
    """Recompute every attainment and every fact's part of the ledger."""
    waits = waiting(tables)
    due = {fact_id: counts_for(deal, organisation, calendar) for fact_id, deal in facts.items()}
    actuals = _sums(due, places)
    posted = _posted(tables)
    rows = {(row["id"], row["partition"]): row for row in tables["attainment"]}
    report.checked["attainments"] += len(rows)
    report.checked["attainment_entries"] += len(tables["attainment_entry"])
    is_late = _late(waits, due, tables)
    for place in sorted(rows.keys() | actuals.keys() | posted.keys()):
        row = rows.get(place)
        where = f"targets.attainment {place[0]} partition {place[1]}"
        expected = actuals.get(place, NONE)
        waits_here = place[0] in is_late
        if row is None:
            should = expected if expected != NONE else posted.get(place, NONE)
            note = report.open if waits_here and place not in posted else report.wrong
            note("attainment.missing", where, NOTHING, should)
            continue
        where = f"{where} ({row['scope']} {row['scope_id']} {row['metric']} {row['period']})"
        _check_key(report, where, row, calendar)
        says = Amount(row["actual"], row["deals"])
        report.equal("attainment.actual", where, says, expected, waits=waits_here)
        report.equal("attainment.ledger", where, says, posted.get(place, NONE))
        report.holds("attainment.version", where, row["version"], "≥ 0", true=row["version"] >= 0)
    _check_entries(report, tables, due, waits)


def _sums(
    due: Mapping[UUID, Mapping[Key, Amount]], places: Places
) -> Mapping[tuple[UUID, int], Amount]:
    found: defaultdict[tuple[UUID, int], Amount] = defaultdict(lambda: NONE)
    for fact_id, amounts in due.items():
        for key, amount in amounts.items():
            found[key.id, places[fact_id]] += amount
    return found


def _posted(tables: Tables) -> Mapping[tuple[UUID, int], Amount]:
    found: defaultdict[tuple[UUID, int], Amount] = defaultdict(lambda: NONE)
    for row in tables["attainment_entry"]:
        amount = Amount(row["amount"], row["deals"])
        found[row["attainment_id"], row["partition"]] += amount
    return found


def _late(
    waits: Waiting, due: Mapping[UUID, Mapping[Key, Amount]], tables: Tables
) -> frozenset[UUID]:
    """Return the attainments that a fact which waits to be posted again leaves or reaches."""
    found = set(waits.attainments)
    found |= {
        row["attainment_id"] for row in tables["attainment_entry"] if row["fact_id"] in waits.facts
    }
    for fact_id in waits.facts & due.keys():
        found |= {key.id for key in due[fact_id]}
    return frozenset(found)


def _check_key(report: Report, where: str, row: Row, calendar: FiscalCalendar) -> None:
    key = Key(row["scope"], row["scope_id"], row["metric"], row["period"], row["currency"])
    report.equal("attainment.id", where, row["id"], key.id)
    quarter = quarter_named(calendar, row["period"])
    says = Quarter(row["period"], row["starts"], row["ends"])
    report.equal("attainment.period", where, says, quarter)


def _check_entries(
    report: Report, tables: Tables, due: Mapping[UUID, Mapping[Key, Amount]], waits: Waiting
) -> None:
    """Check that the entries of each fact add up to what its stored version counts for."""
    sums: defaultdict[tuple[UUID, UUID], Amount] = defaultdict(lambda: NONE)
    for row in tables["attainment_entry"]:
        sums[row["fact_id"], row["attainment_id"]] += Amount(row["amount"], row["deals"])
        if not row["amount"] and not row["deals"]:
            report.wrong("attainment_entry.empty", _entry(row), 0, NOTHING)
    wanted = {
        (fact_id, key.id): amount
        for fact_id, amounts in due.items()
        for key, amount in amounts.items()
    }
    for place in sorted(sums.keys() | wanted.keys()):
        where = f"targets.attainment_entry attainment {place[1]} deal {place[0]}"
        report.equal(
            "attainment_entry.sum",
            where,
            sums.get(place, NONE),
            wanted.get(place, NONE),
            waits=place[0] in waits.facts,
        )


def check_causes(report: Report, tables: Tables, facts: Facts, places: Places, log: Log) -> None:
    """Check that each entry names the event, or the version of the deal, that it came from.

    What was posted up to a repair came from a log that its source may no longer have.
    """
    repairs = repairs_of(tables, "attainment", "pipeline")
    for row in tables["attainment_entry"]:
        where = _entry(row)
        is_known = row["source"] in {"pipeline", "targets"}
        report.holds("attainment_entry.source", where, row["source"], "pipeline", true=is_known)
        if repairs.excuse(row["partition"], row["posted_at"]):
            own = log.partition_of(row["fact_id"])
            report.equal("attainment_entry.partition", where, row["partition"], own)
            continue
        deal = facts.get(row["fact_id"])
        newest = 0 if deal is None else deal.version
        in_range = 1 <= row["fact_version"] <= newest
        report.holds(
            "attainment_entry.version", where, row["fact_version"], f"≤ {newest}", true=in_range
        )
        partition = places.get(row["fact_id"])
        report.equal("attainment_entry.partition", where, row["partition"], partition)
        # A fact that a snapshot brought has the number of the snapshot: no event of its own.
        if not repairs.brought(row["partition"], row["number"]):
            _check_cause(report, where, row, log)


def _check_cause(report: Report, where: str, row: Row, log: Log) -> None:
    told = log.by_number.get((row["partition"], row["number"]))
    if told is not None:
        says = (row["fact_id"], row["fact_version"])
        report.equal("attainment_entry.cause", where, says, (told.subject, told.version))
        # Posted by the event, or by the fact that was kept of it.
        again = derived("fact", row["fact_id"], row["fact_version"])
        if row["source"] == "pipeline" and row["cause_id"] != again:
            report.equal("attainment_entry.cause", where, row["cause_id"], told.id)
    elif row["number"] >= log.floor(row["partition"]):
        report.wrong("attainment_entry.cause", where, row["number"], "a number of the log")


def check_parents(report: Report, tables: Tables, organisation: Organisation) -> None:
    """Check that a unit has what its own members and the units right below it have.

    It holds for a unit which nobody joins or leaves within the period, and for values: a shared
    deal is counted once per member and once per unit.
    """
    if tables["repost"] or tables["reorganisation"]:
        return
    values: defaultdict[tuple[str, UUID, str, str, str], Decimal] = defaultdict(Decimal)
    spans: dict[str, tuple[date, date]] = {}
    for row in tables["attainment"]:
        place = (row["scope"], row["scope_id"], row["metric"], row["period"], row["currency"])
        values[place] += row["actual"]
        spans[row["period"]] = (row["starts"], row["ends"])
    kinds = sorted({place[2:] for place in values})
    for period, span in spans.items():
        days = [organisation.below(day) for day in organisation.days_within(*span)]
        of_period = [kind for kind in kinds if kind[1] == period]
        for unit_id in sorted({unit_id for below in days for unit_id in below}):
            parts = {below.get(unit_id, frozenset()) for below in days}
            if len(parts) == 1:
                _check_parent(report, values, unit_id, next(iter(parts)), of_period)


def _check_parent(
    report: Report,
    values: Mapping[tuple[str, UUID, str, str, str], Decimal],
    unit_id: UUID,
    parts: frozenset[tuple[str, UUID]],
    kinds: Sequence[tuple[str, str, str]],
) -> None:
    for kind in kinds:
        report.checked["parents"] += 1
        where = f"targets.attainment unit {unit_id} {' '.join(kind)}".rstrip()
        below = [values.get((*part, *kind), Decimal(0)) for part in parts]
        says = values.get(("unit", unit_id, *kind), Decimal(0))
        report.equal("attainment.parent", where, says, sum(below, Decimal(0)))


def check_marks(report: Report, tables: Tables) -> None:
    """Report what waits to be posted again after a change of the organisation."""
    for row in tables["reorganisation"]:
        where = f"targets.reorganisation attainment {row['attainment_id']}"
        report.open("attainment.reorganised", where, NOTHING, "posted again")
    for row in tables["repost"]:
        report.open("attainment.repost", f"targets.repost deal {row['fact_id']}", NOTHING, "again")


def _entry(row: Row) -> str:
    return f"targets.attainment_entry {row['attainment_id']} cause {row['cause_id']}"
