"""``pharos verify``: which databases are meant, and how the answer is given."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import asyncpg

from deploy.installation import SERVICES
from deploy.local.running import service_dsns
from deploy.verify.findings import Kind, Report
from deploy.verify.quarters import FiscalCalendar
from deploy.verify.verifier import examine
from deploy.verify.words import sentence, summary

DATABASES_VARIABLE = "PHAROS_VERIFY_DATABASES"
NOTHING_WRONG, SOMETHING_WRONG, SOMETHING_OPEN, NOT_VERIFIED = 0, 1, 3, 4
"""Exit codes; 2 is what a wrong option ends with."""


class NotVerified(Exception):
    """Nothing can be said about the installation; the text says why."""


def verified(databases: str | None, data: Path, calendar: FiscalCalendar) -> Report:
    """Return what the verifier finds in the named databases, else in what runs in a folder.

    Raises NotVerified, and EmbeddedError where nothing runs in the folder.
    """
    dsns = service_dsns(data) if databases is None else named(databases)
    try:
        return asyncio.run(examine(dsns, calendar))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise NotVerified(f"The databases cannot be read: {error}") from error


def named(databases: str) -> Mapping[str, str]:
    """Return the databases of a JSON object: service → URL; raises NotVerified."""
    try:
        found = json.loads(databases)
    except ValueError as error:
        raise NotVerified(f"{DATABASES_VARIABLE} is no JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(url, str) for url in found.values()):
        raise NotVerified(f"{DATABASES_VARIABLE} says which service has which URL, as an object.")
    if not found or not found.keys() <= set(SERVICES):
        raise NotVerified(f"{DATABASES_VARIABLE} names services: {', '.join(SERVICES)}.")
    return found


def told(report: Report, language: str) -> str:
    """Return the findings as lines, what is wrong first, and the summary."""
    ordered = [*report.of_kind(Kind.WRONG), *report.of_kind(Kind.OPEN)]
    return "\n".join([*(sentence(one, language) for one in ordered), summary(report, language)])


def told_to_machines(report: Report) -> str:
    """Return the findings and counts as a JSON object."""
    said = {
        "wrong": len(report.of_kind(Kind.WRONG)),
        "open": len(report.of_kind(Kind.OPEN)),
        "checked": dict(report.checked),
        "findings": [asdict(finding) for finding in report.findings],
    }
    return json.dumps(said, ensure_ascii=False, indent=2)


def exit_code(report: Report) -> int:
    """Return 0 where all is well, 1 where something is wrong, 3 where something is only open."""
    if report.of_kind(Kind.WRONG):
        return SOMETHING_WRONG
    return SOMETHING_OPEN if report.findings else NOTHING_WRONG


def language_of(environment: Mapping[str, str]) -> str:
    """Return the language of a terminal: Chinese where the locale is, else English."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(variable):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
