"""What closes every scenario: all has followed, and nothing is lost, doubled or wrong."""

from collections.abc import Collection, Sequence
from uuid import UUID

from deploy.auditing import examine
from deploy.local.stack import Stack
from deploy.verify.verifier import Finding, verify
from shared.period import FiscalCalendar
from tests.flow.settling import settled


async def whole(stack: Stack, seconds: float = 30, *, about: Collection[UUID] = ()) -> None:
    """Wait until the chain has followed, then check all that is stored; raises AssertionError.

    ``about`` are deals and targets with which a scenario means to leave something wrong: what is
    found in a place of one of them is explained, what is found anywhere else is not.
    """
    await settled(stack, seconds)
    tampered = await trails(stack)
    assert not tampered, "\n".join(["the audit trail:", *map(str, tampered)])
    known = [str(subject) for subject in about]
    found = [
        finding
        for finding in await verified(stack)
        if not any(subject in finding.where for subject in known)
    ]
    assert not found, "\n".join(["the verifier found:", *map(str, found)])


async def trails(stack: Stack) -> Sequence[Finding]:
    """Return what is wrong with the audit trails of a running stack."""
    dsns = {name: settings.database_url for name, settings in stack.settings.items()}
    return (await examine(dsns)).findings


async def verified(stack: Stack) -> Sequence[Finding]:
    """Return what the verifier finds in a running stack."""
    dsns = {name: settings.database_url for name, settings in stack.settings.items()}
    months = {settings.fiscal_year_start_month for settings in stack.settings.values()}
    return await verify(dsns, FiscalCalendar(start_month=months.pop()))
