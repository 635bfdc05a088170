"""The verifier: recomputes from raw facts what the services store, and names what differs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec

from deploy.verify import attainments, ledgers
from deploy.verify import credits as credit_ledger
from deploy.verify.consumers import READERS, Reader, aside_in, check_others, check_reader, progress
from deploy.verify.directory import check_directory, check_own_directory
from deploy.verify.facts import check_facts, stored
from deploy.verify.findings import Finding, Kind, Report
from deploy.verify.incentives import check_incentives, dues
from deploy.verify.keys import check_keys
from deploy.verify.numbers import check_log
from deploy.verify.organisation import check_organisation, organisation_of
from deploy.verify.pipeline import check_pipeline
from deploy.verify.plans import check_plans
from deploy.verify.quarters import FiscalCalendar
from deploy.verify.quotas import check_quotas
from deploy.verify.reading import FOLLOWED, SERVICES, Tables, read
from deploy.verify.targets import check_targets
from deploy.verify.told import Log
from deploy.verify.wins import check_wins

P = ParamSpec("P")

__all__ = ["Finding", "Kind", "Report", "examine", "verify"]


async def verify(dsns: Mapping[str, str], calendar: FiscalCalendar) -> Sequence[Finding]:
    """Return all that is wrong, or not yet followed, in these services' schemas.

    ``dsns`` are by service; what needs a service that is left out is not checked. Nothing is
    written, nothing is locked, and the services may be at work meanwhile: what has not come to its
    end is a finding of the kind ``open``.
    """
    return (await examine(dsns, calendar)).findings


async def examine(dsns: Mapping[str, str], calendar: FiscalCalendar) -> Report:
    """Return the findings, and how much of what was checked."""
    schemas: dict[str, Tables] = {}
    # One after the other: a source must be read after those that read it. The pipeline is read
    # last, but what it knows of the organisation, which is read before, earlier still.
    early = await read("pipeline", dsns["pipeline"], FOLLOWED) if "pipeline" in dsns else {}
    for service in SERVICES:
        if service in dsns:
            schemas[service] = await read(service, dsns[service])
    if "pipeline" in schemas:
        schemas["pipeline"] = {**schemas["pipeline"], **early}
    return await asyncio.to_thread(judge, schemas, calendar)


def judge(schemas: Mapping[str, Tables], calendar: FiscalCalendar) -> Report:
    """Return what is to be said of schemas that have been read."""
    report = Report()
    logs = {name: Log(name, tables, aside_in(schemas, name)) for name, tables in schemas.items()}
    for service, tables in schemas.items():
        _tried(report, service, check_log, logs[service])
        _tried(report, service, check_others, service, tables)
        _tried(report, service, check_keys, service, tables, logs[service])
    for reader in READERS:
        if reader.service in schemas and reader.source in schemas:
            _judge_reader(report, reader, schemas, logs[reader.source])
    if "pipeline" in schemas:
        _tried(report, "pipeline", check_pipeline, schemas["pipeline"], logs["pipeline"])
    if "targets" in schemas:
        _judge_targets(report, schemas["targets"], logs, calendar)
    if "performance" in schemas:
        _judge_performance(report, schemas["performance"], logs, calendar)
    if "knowledge" in schemas:
        facts, places = stored(report, "knowledge", schemas["knowledge"])
        check_wins(report, schemas["knowledge"], facts, places, calendar)
    return report


def _judge_reader(report: Report, reader: Reader, schemas: Mapping[str, Tables], log: Log) -> None:
    service, tables, source = reader.service, schemas[reader.service], schemas[reader.source]
    _tried(report, service, check_reader, reader, tables, log)
    check = {"quotas": check_quotas, "directory": check_directory}.get(reader.consumer, check_facts)
    _tried(report, service, check, progress(reader, tables), tables, log, source)


def _judge_targets(
    report: Report, tables: Tables, logs: Mapping[str, Log], calendar: FiscalCalendar
) -> None:
    here, log = "targets", logs["targets"]
    _tried(report, here, check_organisation, tables, log)
    _tried(report, here, check_own_directory, tables, log)
    _tried(report, here, check_targets, tables, log, calendar)
    facts, places = stored(report, here, tables)
    by_date = organisation_of(tables)
    check = attainments.check_attainments
    _tried(report, here, check, tables, facts, places, by_date, calendar)
    _tried(report, here, attainments.check_parents, tables, by_date)
    _tried(report, here, attainments.check_marks, tables)
    if "pipeline" in logs:
        _tried(report, here, attainments.check_causes, tables, facts, places, logs["pipeline"])


def _judge_performance(
    report: Report, tables: Tables, logs: Mapping[str, Log], calendar: FiscalCalendar
) -> None:
    here, log = "performance", logs["performance"]
    _tried(report, here, check_plans, tables, log, calendar)
    facts, places = stored(report, here, tables)
    _tried(report, here, credit_ledger.check_credits, tables, facts)
    if "pipeline" in logs:
        check = credit_ledger.check_causes
        _tried(report, here, check, tables, facts, places, logs["pipeline"])
    wanted = dues(report, tables, facts, calendar)
    _tried(report, here, check_incentives, tables, wanted, calendar)
    _tried(report, here, ledgers.check_ledger, tables)
    _tried(report, here, ledgers.check_causes, tables, logs)
    _tried(report, here, ledgers.check_told, tables, log)
    _tried(report, here, ledgers.check_steps, tables, log)
    _tried(report, here, ledgers.check_marks, tables)


def _tried(
    report: Report,
    service: str,
    check: Callable[Concatenate[Report, P], None],
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """Make a check; what it stumbles over is a finding, and the other checks are made."""
    try:
        check(report, *args, **kwargs)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        report.wrong("verifier.unreadable", f"{service}: {check.__name__}", repr(error), "readable")
