"""The verifier: recomputes from raw facts what the services store, and names what differs."""

import asyncio
from collections.abc import Mapping, Sequence

from deploy.verify import attainments, ledgers
from deploy.verify import credits as credit_ledger
from deploy.verify.consumers import READERS, check_others, check_reader, progress
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
from deploy.verify.reading import SERVICES, Tables, read
from deploy.verify.targets import check_targets
from deploy.verify.told import Log
from deploy.verify.wins import check_wins

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
    # One after the other: a source must be read after those that read it.
    for service in SERVICES:
        if service in dsns:
            schemas[service] = await read(service, dsns[service])
    return await asyncio.to_thread(judge, schemas, calendar)


def judge(schemas: Mapping[str, Tables], calendar: FiscalCalendar) -> Report:
    """Return what is to be said of schemas that have been read."""
    report = Report()
    logs = {service: Log(service, tables) for service, tables in schemas.items()}
    for service, tables in schemas.items():
        check_log(report, logs[service])
        check_others(report, service, tables)
        check_keys(report, service, tables, logs[service])
    _judge_readers(report, schemas, logs)
    if "pipeline" in schemas:
        check_pipeline(report, schemas["pipeline"], logs["pipeline"])
    if "targets" in schemas:
        _judge_targets(report, schemas["targets"], logs, calendar)
    if "performance" in schemas:
        _judge_performance(report, schemas["performance"], logs, calendar)
    if "knowledge" in schemas:
        facts, places = stored(report, "knowledge", schemas["knowledge"])
        check_wins(report, schemas["knowledge"], facts, places, calendar)
    return report


def _judge_readers(report: Report, schemas: Mapping[str, Tables], logs: Mapping[str, Log]) -> None:
    for reader in READERS:
        if reader.service not in schemas or reader.source not in schemas:
            continue
        tables, source = schemas[reader.service], schemas[reader.source]
        log = logs[reader.source]
        check_reader(report, reader, tables, log)
        progressed = progress(reader, tables)
        if reader.source == "pipeline":
            check_facts(report, progressed, tables, log, source)
        else:
            check_quotas(report, progressed, tables, log, source)


def _judge_targets(
    report: Report, tables: Tables, logs: Mapping[str, Log], calendar: FiscalCalendar
) -> None:
    check_organisation(report, tables, logs["targets"])
    check_targets(report, tables, logs["targets"], calendar)
    facts, places = stored(report, "targets", tables)
    organisation = organisation_of(tables)
    attainments.check_attainments(report, tables, facts, places, organisation, calendar)
    attainments.check_parents(report, tables, organisation)
    attainments.check_marks(report, tables)
    if "pipeline" in logs:
        attainments.check_causes(report, tables, facts, places, logs["pipeline"])


def _judge_performance(
    report: Report, tables: Tables, logs: Mapping[str, Log], calendar: FiscalCalendar
) -> None:
    check_plans(report, tables, logs["performance"], calendar)
    facts, places = stored(report, "performance", tables)
    credit_ledger.check_credits(report, tables, facts)
    if "pipeline" in logs:
        credit_ledger.check_causes(report, tables, facts, places, logs["pipeline"])
    check_incentives(report, tables, dues(report, tables, facts, calendar), calendar)
    ledgers.check_ledger(report, tables)
    ledgers.check_causes(report, tables, logs)
    ledgers.check_told(report, tables, logs["performance"])
    ledgers.check_marks(report, tables)
