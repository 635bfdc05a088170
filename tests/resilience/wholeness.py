"""What closes every scenario: all has followed, and nothing is lost, doubled or wrong."""

from collections.abc import Collection, Sequence

from deploy.local.stack import Stack
from deploy.verify.verifier import Finding, verify
from shared.period import FiscalCalendar
from tests.flow.settling import settled


async def whole(stack: Stack, seconds: float = 30, *, explained: Collection[str] = ()) -> None:
    """Wait until the chain has followed, then check all that is stored; raises AssertionError.

    ``explained`` are codes of findings that a scenario means to leave, such as ``parked.waits``.
    """
    await settled(stack, seconds)
    found = [finding for finding in await verified(stack) if finding.check not in explained]
    assert not found, "\n".join(["the verifier found:", *map(str, found)])


async def verified(stack: Stack) -> Sequence[Finding]:
    """Return what the verifier finds in a running stack."""
    dsns = {name: settings.database_url for name, settings in stack.settings.items()}
    months = {settings.fiscal_year_start_month for settings in stack.settings.values()}
    return await verify(dsns, FiscalCalendar(start_month=months.pop()))
