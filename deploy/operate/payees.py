"""Payees who were set aside because their pay could not be worked out."""

import typer

from deploy.operate.access import Json, Services
from deploy.operate.words import Told

SERVICE = "performance"


async def show(services: Services) -> int:
    """Print who is set aside, and why; return 0."""
    failures = await _failures(services)
    if not failures:
        typer.echo(services.say("no_payees"))
    for failure in failures:
        typer.echo(services.say("payee_line", **failure))
    return 0


async def retry(services: Services, payee_id: str | None, *, everybody: bool) -> int:
    """Let payees be worked out again; return 0."""
    if (payee_id is None) != everybody:
        raise Told(services.say("payee_or_all"))
    ids = [payee_id] if payee_id else [one["payee_id"] for one in await _failures(services)]
    if not ids:
        typer.echo(services.say("no_payees"))
    for one in ids:
        taken = await services.post(SERVICE, f"/v1/recalculations/{one}/retry")
        typer.echo(services.say("retried", **taken))
    return 0


async def _failures(services: Services) -> list[Json]:
    found: list[Json] = (await services.get(SERVICE, "/v1/recalculations"))["failures"]
    return found
