"""The verifier: recomputes from raw facts what the services store, and names what differs."""

import asyncio
from collections.abc import Mapping, Sequence

from deploy.verify.attainments import check_attainments, check_causes, check_parents
from deploy.verify.consumers import READERS, check_others, check_reader, progress
from deploy.verify.facts import check_facts, stored
from deploy.verify.findings import Finding, Kind, Report
from deploy.verify.numbers import check_log
from deploy.verify.organisation import check_organisation, organisation_of
from deploy.verify.quarters import FiscalCalendar
from deploy.verify.reading import SERVICES, Tables, read
from deploy.verify.told import Log

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
    for reader in READERS:
        if reader.service in schemas and reader.source in schemas:
            tables, log = schemas[reader.service], logs[reader.source]
            check_reader(report, reader, tables, log)
            if reader.source == "pipeline":
                progressed = progress(reader, tables)
                check_facts(report, progressed, tables, log, schemas["pipeline"])
    if "targets" in schemas:
        _judge_targets(report, schemas["targets"], logs, calendar)
    return report


def _judge_targets(
    report: Report, tables: Tables, logs: Mapping[str, Log], calendar: FiscalCalendar
) -> None:
    check_organisation(report, tables, logs["targets"])
    facts, places = stored(report, "targets", tables)
    organisation = organisation_of(tables)
    check_attainments(report, tables, facts, places, organisation, calendar)
    check_parents(report, tables, organisation)
    if "pipeline" in logs:
        check_causes(report, tables, facts, places, logs["pipeline"])
