"""The doctor: asks every service how it is, and says what is wrong and what to do."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import orjson
import typer

from deploy.operate.access import Refused, Services
from deploy.operate.diagnosis import Finding, Signs, findings


async def examine(services: Services, *, as_json: bool) -> int:
    """Print what is wrong; return 0 when nothing has to be done, else 1."""
    found = list(findings(await signs_of(services)))
    typer.echo(_document(services, found) if as_json else _text(services, found))
    return int(any(not finding.notice for finding in found))


async def signs_of(services: Services) -> Sequence[Signs]:
    """Return what every service says of itself."""
    heard = await asyncio.gather(*(_heard(services, name) for name in services.named(None)))
    # Heads after all consumers: events that come meanwhile must not make one seem ahead.
    return await asyncio.gather(*(_measured(services, one) for one in heard))


async def _heard(services: Services, service: str) -> Signs:
    """Return whether a service is ready and how far its consumers are, as far as it answers."""
    url = services.access.services[service]
    try:
        readiness = await services.readiness(service)
    except Refused as refused:
        return Signs(service, url, silent=refused.reason.rstrip("."))
    if readiness.get("database") == "away":
        return Signs(service, url, readiness=readiness)
    try:
        consumers = (await services.get(service, "/v1/consumers"))["items"]
    except Refused as refused:
        return Signs(service, url, refused=refused.reason, readiness=readiness)
    return Signs(service, url, readiness=readiness, consumers=consumers)


async def _measured(services: Services, signs: Signs) -> Signs:
    """Add the vital signs of a service that has answered so far."""
    if signs.consumers is None:
        return signs
    try:
        return replace(signs, vitals=await services.get(signs.service, "/v1/vitals"))
    except Refused as refused:
        return replace(signs, refused=refused.reason)


def _command(services: Services, finding: Finding) -> str:
    # `serve` and `migrate` take their settings from the environment, the others an address.
    reaches = not finding.command.startswith(("pharos serve", "pharos migrate"))
    return finding.command + (services.access.option if finding.command and reaches else "")


def _text(services: Services, found: Sequence[Finding]) -> str:
    lines = []
    if all(finding.notice for finding in found):
        lines.append(services.say("well", services=", ".join(services.named(None))))
    for finding in found:
        mark = "·" if finding.notice else "✗"
        lines.append(f"{mark} {services.say(finding.key, **finding.facts)}")
        if finding.command:
            lines.append(services.say("do", command=_command(services, finding)))
    return "\n".join(lines)


def _document(services: Services, found: Sequence[Finding]) -> str:
    document = {
        "well": all(finding.notice for finding in found),
        "findings": [
            {
                "code": finding.key,
                "notice": finding.notice,
                "text": services.say(finding.key, **finding.facts),
                "command": _command(services, finding) or None,
                "facts": finding.facts,
            }
            for finding in found
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str).decode()
