"""Credits: the ledger says of each deal what its stored version counts for, payee by payee."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from deploy.verify.deals import Deal
from deploy.verify.facts import Facts, Places
from deploy.verify.findings import NOTHING, Report
from deploy.verify.ids import derived
from deploy.verify.reading import Row, Tables
from deploy.verify.repairs import Repairs, repairs_of
from deploy.verify.told import Log


class CreditKey(NamedTuple):
    """Whose credit, on which day, of what; the currency is empty where it is no money."""

    payee_id: UUID
    occurred_on: date
    metric: str
    currency: str


def credits_of(deal: Deal) -> Mapping[CreditKey, Decimal]:
    """Return what a deal gives to its members: nothing unless won."""
    day = deal.won_on
    if day is None:
        return {}
    found: defaultdict[CreditKey, Decimal] = defaultdict(Decimal)
    for part in deal.parts:
        found[CreditKey(part.member_id, day, "revenue", deal.currency)] += part.amount
        found[CreditKey(part.member_id, day, "units", "")] += part.quantity
    return {key: amount for key, amount in found.items() if amount}


def check_credits(report: Report, tables: Tables, facts: Facts) -> None:
    """Recompute what every deal gives; quota and commission credit are the same for now."""
    report.checked["credits"] += len(tables["credit"])
    zero = Decimal(0)
    quota: defaultdict[tuple[UUID, CreditKey], Decimal] = defaultdict(Decimal)
    commission: defaultdict[tuple[UUID, CreditKey], Decimal] = defaultdict(Decimal)
    for row in tables["credit"]:
        place = (row["fact_id"], _key(row))
        quota[place] += row["quota_amount"]
        commission[place] += row["commission_amount"]
    wanted = {
        (fact_id, key): amount
        for fact_id, deal in facts.items()
        for key, amount in credits_of(deal).items()
    }
    for place in sorted(quota.keys() | wanted.keys()):
        where = f"performance.credit deal {place[0]} payee {' '.join(map(str, place[1]))}".rstrip()
        says = (quota.get(place, zero), commission.get(place, zero))
        due = wanted.get(place, zero)
        report.equal("credit.sum", where, says, (due, due))


def check_causes(report: Report, tables: Tables, facts: Facts, places: Places, log: Log) -> None:
    """Check that each entry names the event that it came from, and is posted once by it.

    What was posted up to a repair came from a log that its source may no longer have.
    """
    repairs = repairs_of(tables, "credits", "pipeline")
    for row in tables["credit"]:
        where = f"performance.credit {row['id']} payee {row['payee_id']}"
        own = derived("credit", row["cause_id"], *_key(row))
        report.equal("credit.id", where, row["id"], own)
        if not row["quota_amount"] and not row["commission_amount"]:
            report.wrong("credit.empty", where, 0, NOTHING)
        _check_source(report, where, row, repairs)
        if repairs.excuse(row["partition"], row["posted_at"]):
            partition = log.partition_of(row["fact_id"])
            report.equal("credit.partition", where, row["partition"], partition)
            continue
        report.equal("credit.partition", where, row["partition"], places.get(row["fact_id"]))
        deal = facts.get(row["fact_id"])
        newest = 0 if deal is None else deal.version
        is_known = 1 <= row["fact_version"] <= newest
        report.holds("credit.version", where, row["fact_version"], f"≤ {newest}", true=is_known)
        if not repairs.brought(row["partition"], row["number"]):
            _check_cause(report, where, row, log)


def _check_source(report: Report, where: str, row: Row, repairs: Repairs) -> None:
    """Events post, and so do the steps of repairs, each of which is on record."""
    if row["source"] != "performance":
        report.equal("credit.source", where, row["source"], "pipeline")
        return
    step = (row["partition"], row["posted_at"], row["number"])
    report.holds("credit.source", where, step, "a step of a repair", true=step in repairs.steps)


def _check_cause(report: Report, where: str, row: Row, log: Log) -> None:
    told = log.by_number.get((row["partition"], row["number"]))
    if told is not None:
        says = (row["fact_id"], row["fact_version"])
        report.equal("credit.cause", where, says, (told.subject, told.version))
        # Posted by the event, or by the fact that was kept of it.
        if row["cause_id"] != derived("fact", *says):
            report.equal("credit.cause", where, row["cause_id"], told.id)
    elif row["number"] >= log.floor(row["partition"]):
        report.wrong("credit.cause", where, row["number"], "a number of the log")


def _key(row: Row) -> CreditKey:
    return CreditKey(row["payee_id"], row["occurred_on"], row["metric"], row["currency"])
