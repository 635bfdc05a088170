"""Idempotency keys: each stored answer is whole, and names what is really there."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.verify.findings import NOTHING, Report
from deploy.verify.reading import Row, Tables
from deploy.verify.told import DEAL_NAMES, Log

CREATED = 201
REMOVED = 204
_VERSIONED = ("deal", "account", "product", "unit", "member", "target", "plan", "webhook")
_OTHERS = ("plan_assignment", "parked")
# Deliveries to webhooks are forgotten before some keys are.
_FORGOTTEN = "message_id"


def check_keys(report: Report, service: str, tables: Tables, log: Log) -> None:
    """Check the stored answers of a service: one effect per key, and the effect is there."""
    report.checked["idempotency_keys"] += len(tables["idempotency"])
    known: dict[str, int | None] = {}
    for noun in (*_VERSIONED, *_OTHERS):
        for row in tables.get(noun, ()):
            known[str(row["id"])] = row["version"] if noun in _VERSIONED else None
    # What was taken away was there, and the trail says by whom.
    known |= {row["subject"]: None for row in tables.get("webhook_deleted", ())}
    said = {
        (str(told.subject), told.version): told.payload
        for told in log.events
        if told.name in DEAL_NAMES
    }
    versions = {(str(row["plan_id"]), row["number"]): row for row in tables.get("plan_version", ())}
    made: Counter[str] = Counter()
    for row in tables["idempotency"]:
        where = f"{service}.idempotency {' '.join(row['caller'].split())} {row['key']}"
        for thing in _things(report, where, row):
            _check_thing(report, where, thing, known, said)
            if thing.get("secret") is not None:
                report.wrong("idempotency.secret", where, "a secret", NOTHING)
            if "versions" in thing:
                _check_versions(report, where, thing, versions)
            if row["status"] == CREATED and thing.get("version") == 1:
                made[str(thing["id"])] += 1
    for made_id, times in made.items():
        if times > 1:
            where = f"{service}.idempotency {made_id}"
            report.wrong("idempotency.made_once", where, times, 1)


def _things(report: Report, where: str, row: Row) -> Iterator[dict[str, Any]]:
    """Yield what an answer names by an id: itself, or what it lists."""
    if row["status"] is None or row["body"] is None:
        report.wrong("idempotency.answer", where, NOTHING, "an answer")
        return
    if row["status"] == REMOVED:
        report.holds("idempotency.answer", where, row["body"], NOTHING, true=not row["body"])
        return
    is_good = 200 <= row["status"] < 300
    report.holds("idempotency.status", where, row["status"], "2xx", true=is_good)
    try:
        body = json.loads(row["body"])
    except ValueError as error:
        report.wrong("idempotency.answer", where, error, "JSON")
        return
    for value in (body, *body.values()):
        for thing in value if isinstance(value, list) else [value]:
            if isinstance(thing, dict) and _must_be_there(thing):
                yield thing


def _must_be_there(thing: Mapping[str, Any]) -> bool:
    return "id" in thing and _is_id(thing["id"]) and _FORGOTTEN not in thing


def _is_id(value: object) -> bool:
    """Tell our own ids from those of other systems, which are any text."""
    try:
        return str(UUID(str(value))) == value
    except ValueError:
        return False


def _check_thing(
    report: Report,
    where: str,
    thing: dict[str, Any],
    known: Mapping[str, int | None],
    said: Mapping[tuple[str, int], dict[str, Any]],
) -> None:
    thing_id, version = thing["id"], thing.get("version")
    if thing_id not in known:
        report.wrong("idempotency.effect", where, thing_id, "something that is there")
        return
    newest = known[thing_id]
    if version is None or newest is None:
        return
    is_known = 1 <= version <= newest
    report.holds("idempotency.version", where, version, f"≤ {newest}", true=is_known)
    told = said.get((thing_id, version))
    if told is not None and "stage" in thing:
        report.equal("idempotency.effect", where, _deal(thing), _deal(told))


def _deal(said: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the figures of a deal, which an answer and an event give by the same names."""
    return (
        said["stage"],
        Decimal(said["amount"]["amount"]),
        said["amount"]["currency"],
        [(line["product_id"], *_numbers(line, "quantity")) for line in said["lines"]],
        [(share["member_id"], *_numbers(share, "share")) for share in said["shares"]],
    )


def _numbers(part: Mapping[str, Any], field: str) -> tuple[Decimal, Decimal]:
    return Decimal(part[field]), Decimal(part["amount"]["amount"])


def _check_versions(
    report: Report, where: str, plan: Mapping[str, Any], versions: Mapping[tuple[str, int], Row]
) -> None:
    """Check that the versions of a plan still say what was answered: they are never edited."""
    for answered in plan["versions"]:
        held = versions.get((plan["id"], answered["number"]))
        if held is None:
            report.wrong("idempotency.plan", where, answered["number"], "a version that is there")
            continue
        components = json.loads(held["components"])
        says = [_tables(component, "from", "to") for component in answered["components"]]
        should = [_tables(component, "start", "end") for component in components]
        report.equal("idempotency.plan", where, says, should)


def _tables(component: Mapping[str, Any], start: str, end: str) -> tuple[object, ...]:
    return component["key"], *(
        [(Decimal(tier[start]), tier[end] and Decimal(tier[end]), _rate(tier)) for tier in tiers]
        for table in (component["table"], component["without_quota"])
        if table is not None and (tiers := table["tiers"])
    )


def _rate(tier: Mapping[str, Any]) -> Decimal:
    rate = tier["rate"]
    return Decimal(rate["value"] if isinstance(rate, dict) else rate)
