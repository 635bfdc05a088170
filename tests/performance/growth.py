"""What grows and must not slow the attainment consumer down: facts, targets, partitions."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from services.targets.targets import commands as targets
from shared import clock
from shared.context import Context
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection, Database
from shared.ids import new_id
from tests.performance.company import QUARTERS, Company, Setup
from tests.performance.figures import HIGHER, Expectation, Figure
from tests.performance.installation import Installation, installed
from tests.performance.told import READERS, Drain, drained, new_deals, tell

FACTS = (1_000, 10_000, 100_000, 1_000_000)
TARGETS = (10, 1_000, 10_000)
PARTITIONS = (1, 2, 4)
DEALS = 4_000
AT_ONCE = 500
SHARE_MIN = 0.5
"""The largest of a row must go at least this fast, beside the smallest."""

_FACTS = """
    INSERT INTO targets.fact (
        id, kind, version, body, source, partition, number, origin, learned_at)
    SELECT gen_random_uuid(), 'pharos.pipeline.deal.won.v1', 1, '{}', 'pipeline', 0, 0, 'live',
           now()
      FROM generate_series(1, $1)
"""
_ENTRIES = """
    INSERT INTO targets.attainment_entry
    SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 1, 1, 'pipeline', 0, 0, now()
      FROM generate_series(1, $1)
"""
_COUNT = "SELECT count(*) FROM targets.fact"
_ANALYSE = ("ANALYZE targets.fact", "ANALYZE targets.attainment_entry")
_MEMBERS = """
    INSERT INTO targets.member (id, version, name)
    SELECT id, 1, '销售' FROM unnest($1::uuid[]) AS id
"""
_ASSIGNMENTS = """
    INSERT INTO targets.assignment (member_id, valid_from, unit_id, leads)
    SELECT id, $2, $3, false FROM unnest($1::uuid[]) AS id
"""
_REVISION = "UPDATE targets.organisation SET revision = gen_random_uuid()"


async def measure(installation: Installation, company: Company) -> Sequence[Figure]:
    """Return the figures of all three; the first two run in the installation that is given."""
    await installation.stop(*(name for name in READERS if installation.runs(name)))
    async with installation.administrator() as conn:
        by_targets = [await _with_targets(installation, conn, company, n) for n in TARGETS]
        by_facts = [await _with_facts(installation, conn, company, n) for n in FACTS]
    by_partitions = [await _with_partitions(n) for n in PARTITIONS]
    return [
        *_figures("targets that deals match", TARGETS, by_targets, None),
        *_figures("facts", FACTS, by_facts, SHARE_MIN),
        *_figures("partitions", PARTITIONS, by_partitions, None),
    ]


def _figures(
    what: str, sizes: Sequence[int], drains: Sequence[Drain], share_min: float | None
) -> Sequence[Figure]:
    """Return a figure for each size, beside the smallest."""
    return [
        Figure(
            f"attainment consumer, {size:,} {what}",
            "events/s",
            drain.rate,
            drains[0].rate,
            None if share_min is None else Expectation(HIGHER, share_min, of_ratio=True),
            f"limit: with {sizes[0]:,}; {drain.microseconds:.0f} µs an event",
        )
        for size, drain in zip(sizes, drains, strict=True)
    ]


async def _with_facts(
    installation: Installation, conn: Connection, company: Company, count: int
) -> Drain:
    """Measure new deals and corrections of them beside so many facts and entries."""
    missing = max(0, count - await conn.fetchval(_COUNT))
    await conn.execute(_FACTS, missing)
    await conn.execute(_ENTRIES, missing)
    for statement in _ANALYSE:
        await conn.execute(statement)
    deals = new_deals(DEALS // 2)
    await tell(conn, deals, company.sellers)
    await tell(conn, deals, company.sellers, version=2, amount="1500.00")
    return await _drained(installation, conn)


async def _with_targets(
    installation: Installation, conn: Connection, company: Company, count: int
) -> Drain:
    """Measure deals of members who have so many targets among them, one a quarter each."""
    members = [uuid4() for _ in range(-(-count // len(QUARTERS)))]
    await conn.execute(_MEMBERS, members)
    await conn.execute(_ASSIGNMENTS, members, date(2025, 1, 1), company.teams[0])
    await conn.execute(_REVISION)
    drafts = [_draft(member, quarter) for member in members for quarter in QUARTERS][:count]
    database = await Database.connect(installation.stack.settings["targets"], "targets")
    try:
        for start in range(0, count, AT_ONCE):
            await _put(database, drafts[start : start + AT_ONCE])
    finally:
        await database.close()
    await tell(conn, new_deals(DEALS), members)
    return await _drained(installation, conn)


def _draft(member: UUID, quarter: str) -> targets.Draft:
    value = Decimal("250000.00")
    return targets.Draft(ScopeKind.MEMBER, member, Metric.REVENUE, quarter, "CNY", value)


async def _put(database: Database, drafts: Sequence[targets.Draft]) -> None:
    ctx = Context("bench", clock.now(), new_id())

    async def work(conn: Connection) -> None:
        await targets.put_targets(conn, ctx, drafts=drafts)

    await database.transact(work)


async def _with_partitions(count: int) -> Drain:
    """Measure in an installation of its own, with so many partitions in one process."""
    async with installed(isolated=True, partitions=count) as installation:
        company = await Setup(installation.stack.base_url, installation.token).company()
        await installation.stop(*READERS)
        async with installation.administrator() as conn:
            await tell(conn, new_deals(2 * DEALS), company.sellers, partitions=count)
            return await _drained(installation, conn)


async def _drained(installation: Installation, conn: Connection) -> Drain:
    drain = await drained(installation, conn, "targets")
    await installation.stop("targets")
    return drain
