"""A hundred thousand events at once: one consumer, then the whole chain; memory stays flat."""

from collections.abc import Sequence

from tests.performance.company import Company, Setup
from tests.performance.figures import HIGHER, LOWER, Expectation, Figure
from tests.performance.installation import Installation
from tests.performance.told import READERS, drained, new_deals, tell

BACKLOG, CHAIN = 100_000, 30_000
BARE_CHAIN = 10_000
"""Deals a second of the chain by bare statements in batches of 100, as measured for the design."""
GROWTH_MAX = 1.25


async def measure(installation: Installation, company: Company) -> Sequence[Figure]:
    """Return speed and memory of the consumer on the backlog, then the speed of the chain."""
    await Setup(installation.stack.base_url, installation.token).plans(company)
    await installation.stop(*(name for name in READERS if installation.runs(name)))
    async with installation.administrator() as conn:
        await tell(conn, new_deals(BACKLOG), company.sellers)
        alone = await drained(installation, conn, "targets")
        await drained(installation, conn, "performance", "knowledge")
        await installation.stop(*READERS)
        await tell(conn, new_deals(CHAIN), company.sellers)
        chain = await drained(installation, conn, *READERS)
        await installation.stop(*READERS)
    return [
        Figure(
            f"replay, one consumer, {BACKLOG:,} events",
            "events/s",
            alone.rate,
            BARE_CHAIN,
            Expectation(HIGHER, 5_000),
            f"{alone.seconds:.0f} s; {alone.microseconds:.0f} µs of processor time an event",
        ),
        Figure(
            f"replay, memory after {BACKLOG:,} events beside a tenth of them",
            "MB",
            alone.late,
            alone.early,
            Expectation(LOWER, GROWTH_MAX, of_ratio=True),
        ),
        Figure(
            f"replay, the whole chain, {CHAIN:,} deals",
            "deals/s",
            chain.rate,
            BARE_CHAIN,
            Expectation(HIGHER, 2_500),
            "targets, performance and knowledge at once, until pay stands",
        ),
    ]
