"""The readers of deals in this process: real reactions on real tables, told as a test likes.

A replica is a database with the schemas of targets, performance and knowledge. There is no broker:
the test decides what is heard, how often and in which order.
"""

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from deploy.serving import load
from services.performance.assignments import commands as assignments
from services.performance.plans import rules as plan_rules
from services.performance.plans import store as plans
from services.performance.plans.model import (
    Boundary,
    Bounds,
    Commission,
    Draft,
    Measure,
    OwnCredits,
    RateTable,
    Tier,
    TierMode,
    UnitAttainment,
)
from services.targets.org import commands as organisation
from services.targets.targets import commands as targets
from shared import clock
from shared.context import Context, Installation, Origin
from shared.contracts.contract import Contract
from shared.contracts.targets import Metric
from shared.db import Connection, Database
from shared.events import outbox, parking
from shared.events.consumer import Subscription
from shared.events.envelope import Event
from shared.events.watermark import Watermark
from shared.ids import derived_id, new_id
from shared.money import Rounding
from shared.period import FiscalCalendar, PeriodKind
from shared.ratio import Ratio
from shared.settings import ServiceSettings
from tests.resilience.histories import (
    CHEN,
    COMPANY,
    COMPANY_PLAN,
    EAST,
    LEADER_PLAN,
    LI,
    REPEATS_MAX,
    SELLER_PLAN,
    WANG,
    WEST,
    ZHANG,
    Act,
    Assign,
    Hang,
    Move,
    SetTarget,
)

NAMES = ("targets", "performance", "knowledge")
PARTITIONS = 2
NOW = datetime(2025, 7, 2, 8, 30, tzinfo=UTC)
SINCE = date(2025, 1, 1)
# All but the making of the schema. To delete the few rows is ten times faster than to truncate.
_EMPTY = """
    SELECT string_agg(format('DELETE FROM %I', c.relname), '; ')
      FROM pg_class AS c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition
       AND c.relname NOT IN ('alembic_version', 'organisation', 'directory_lock', 'lease', 'relay',
                             'event_log')
"""
_OUTBOX = """
    SELECT id, event_id, partition, type, aggregate_id, aggregate_version, occurred_at,
           correlation_id, causation_id, origin, payload
      FROM outbox
     WHERE id > $1
     ORDER BY id
"""
_UNIT = "INSERT INTO unit (id, version, name, kind) VALUES ($1, 1, '单元', 'team')"
_PLACEMENT = "INSERT INTO unit_placement VALUES ($1, $2, $3)"
_MEMBER = "INSERT INTO member (id, version, name) VALUES ($1, 1, '成员')"
_ASSIGNMENT = "INSERT INTO assignment VALUES ($1, $2, $3, false)"
_WATERMARK = "INSERT INTO watermark (consumer, source, partition) VALUES ($1, $2, $3)"


def _table(mode: TierMode, bounds: Bounds, *tiers: tuple[str, str | None, str]) -> RateTable:
    rows = tuple(
        Tier(Decimal(start), None if end is None else Decimal(end), Ratio(rate))
        for start, end, rate in tiers
    )
    return RateTable(mode, Boundary.FROM, bounds, rows)


def _commission(measure: Measure, table: RateTable, without: RateTable | None) -> Commission:
    return Commission("提成", measure, PeriodKind.QUARTER, table, without, Rounding.HALF_UP)


_BY_SHARE = _table(
    TierMode.MARGINAL, Bounds.SHARE_OF_QUOTA, ("0", "1", "0.05"), ("1", None, "0.08")
)
_FLAT = _table(TierMode.MARGINAL, Bounds.AMOUNT, ("0", None, "0.05"))
_WHOLE = _table(TierMode.WHOLE, Bounds.SHARE_OF_QUOTA, ("0", "1", "0.001"), ("1", None, "0.003"))
PLANS = {
    SELLER_PLAN: _commission(OwnCredits(Metric.REVENUE), _BY_SHARE, _FLAT),
    LEADER_PLAN: _commission(UnitAttainment(EAST, Metric.REVENUE), _BY_SHARE, None),
    COMPANY_PLAN: _commission(UnitAttainment(COMPANY, Metric.REVENUE), _WHOLE, None),
}


@dataclass(repr=False)
class Replica:
    """A database, its readers, and what targets has told in it."""

    databases: Mapping[str, Database]
    subscriptions: Mapping[str, tuple[str, Subscription]]
    emptying: Mapping[str, str]
    told: list[Event] = field(default_factory=list)
    unheard: set[int] = field(default_factory=set)
    last: int = 0

    async def begin(self) -> None:
        """Empty all tables and found the company anew."""
        for name, statements in self.emptying.items():
            await self._execute(name, statements)
        self.told.clear()
        self.unheard.clear()
        await self._run("targets", _found_organisation)
        await self._run("performance", _found_plans)
        for consumer, (name, subscription) in self.subscriptions.items():
            for partition in range(PARTITIONS):
                await self._execute(name, _WATERMARK, consumer, subscription.source, partition)

    async def hear(self, reader: str, events: Sequence[Event]) -> None:
        """Let a reader hear events in one transaction."""
        name, subscription = self.subscriptions[reader]
        ctx = context(name)
        await self._run(name, lambda conn: subscription.react(conn, ctx, events))

    async def park(self, reader: str, event: Event) -> None:
        """Put an event aside for a reader."""
        error = RuntimeError("当时无法处理")
        name, _ = self.subscriptions[reader]
        await self._run(name, lambda conn: parking.park(conn, reader, event, error))

    async def replay(self, reader: str, event: Event) -> None:
        """Replay a parked event as the operator's route does."""
        name, subscription = self.subscriptions[reader]
        parked_id = derived_id(reader, event.id)

        async def work(conn: Connection) -> None:
            consumer, parked = await parking.lock(conn, parked_id)
            await Watermark(consumer, parked.source, parked.partition).hold(conn)
            await subscription.react(conn, context(name), [parking.decode(parked)])
            await parking.settle(conn, parked_id, "replayed", "值班员")

        await self._run(name, work)

    async def do(self, act: Act) -> None:
        """Do what somebody asks of a service."""
        ctx = context("tester")
        if isinstance(act, Assign):
            await self._run(
                "performance",
                lambda conn: assignments.assign_many(
                    conn,
                    ctx,
                    plan_id=act.plan_id,
                    payee_ids=[act.payee_id],
                    valid_from=act.since,
                    valid_to=None,
                ),
            )
        else:
            await self._run("targets", lambda conn: _organise(conn, ctx, act))

    async def follow(self, dice: random.Random | None) -> None:
        """Let pay hear what targets told: in order, or with dice some of it, often, anyhow."""
        async with self.databases["targets"].acquire() as conn:
            for row in await conn.fetch(_OUTBOX, self.last):
                self.last = row["id"]
                event = Event(
                    id=row["event_id"],
                    source="targets",
                    partition=row["partition"],
                    number=len(self.told) + 1,
                    previous_id=None,
                    type=row["type"],
                    subject=row["aggregate_id"],
                    version=row["aggregate_version"],
                    time=row["occurred_at"],
                    correlation_id=row["correlation_id"],
                    causation_id=row["causation_id"],
                    origin=Origin(row["origin"]),
                    traceparent=None,
                    data=row["payload"],
                )
                if event.type in self.subscriptions["quotas"][1].handles:
                    self.unheard.add(len(self.told))
                    self.told.append(event.decoded())
        places = sorted(self.unheard)
        if dice is not None:
            chosen = [place for place in range(len(self.told)) if dice.random() < 0.6]
            places = [place for place in chosen for _ in range(dice.randint(1, REPEATS_MAX))]
            dice.shuffle(places)
        self.unheard -= set(places)
        size = 500 if dice is None else dice.choice([1, 3, 500])
        for start in range(0, len(places), size):
            batch = [self.told[place] for place in places[start : start + size]]
            await self.hear("quotas", batch)

    async def work(self) -> int:
        """Let the chores of all services do all that waits; return how much there was."""
        done = 0
        for name, database in self.databases.items():
            for chore in load(name).chores:
                while did := await chore.work(database, context(name)):
                    done += did
        return done

    async def settle(self) -> None:
        """Let everything follow that was told and put off."""
        await self.follow(None)
        while await self.work():
            await self.follow(None)

    async def _execute(self, name: str, statement: str, *values: object) -> None:
        async with self.databases[name].acquire() as conn:
            await conn.execute(statement, *values)

    async def _run(self, name: str, work: Callable[[Connection], Any]) -> None:
        await self.databases[name].transact(work)


def context(actor: str) -> Context:
    """Return a context of an installation with more than one partition."""
    return Context(actor, clock.now(), new_id(), Installation(PARTITIONS, FiscalCalendar()))


def event_of(content: Contract, number: int) -> Event:
    """Return the event by which pipeline tells of a deal."""
    return Event(
        id=derived_id("事件", content.subject, content.version),
        source="pipeline",
        partition=outbox.partition_of(content.subject.int, PARTITIONS),
        number=number,
        previous_id=None,
        type=content.TYPE,
        subject=content.subject,
        version=content.version,
        time=NOW,
        correlation_id=derived_id("起因", number),
        causation_id=None,
        origin=Origin.LIVE,
        traceparent=None,
        data=content.model_dump_json(),
    ).decoded()


async def _organise(conn: Connection, ctx: Context, act: SetTarget | Move | Hang) -> None:
    if isinstance(act, SetTarget):
        currency = "CNY" if act.metric is Metric.REVENUE else None
        draft = targets.Draft(act.scope, act.scope_id, act.metric, act.period, currency, act.value)
        await targets.put_target(conn, ctx, draft=draft)
    elif isinstance(act, Move):
        member = organisation.MemberDraft("成员", act.unit_id, leads=False, valid_from=act.since)
        await organisation.save_member(conn, ctx, draft=member, key=act.member_id)
    else:
        unit = organisation.UnitDraft("单元", "team", act.parent_id, act.since)
        await organisation.save_unit(conn, ctx, draft=unit, key=act.unit_id)


async def _found_organisation(conn: Connection) -> None:
    await conn.execute("UPDATE organisation SET revision = $1", new_id())
    for unit_id, parent_id in ((COMPANY, None), (EAST, COMPANY), (WEST, COMPANY)):
        await conn.execute(_UNIT, unit_id)
        await conn.execute(_PLACEMENT, unit_id, SINCE, parent_id)
    for member_id, unit_id in ((LI, EAST), (WANG, EAST), (ZHANG, WEST), (CHEN, EAST)):
        await conn.execute(_MEMBER, member_id)
        await conn.execute(_ASSIGNMENT, member_id, SINCE, unit_id)


async def _found_plans(conn: Connection) -> None:
    for plan_id, component in PLANS.items():
        draft = Draft(SINCE, "CNY", (component,))
        plan = plan_rules.made(plan_id, None, "方案", draft, FiscalCalendar())
        await plans.save(conn, plan, "[]")


@asynccontextmanager
async def replica(dsns: Mapping[str, str]) -> AsyncIterator[Replica]:
    """Lend a replica on the databases of these DSNs, by service; their schemas are made."""
    databases = {name: await Database.connect(_settings(dsns[name]), name) for name in NAMES}
    subscriptions = {
        subscription.consumer: (name, subscription)
        for name in NAMES
        for subscription in load(name).subscriptions
    }
    emptying = {}
    for name, database in databases.items():
        async with database.acquire() as conn:
            emptying[name] = await conn.fetchval(_EMPTY)
    try:
        yield Replica(databases, subscriptions, emptying)
    finally:
        for database in databases.values():
            await database.close()


def _settings(dsn: str) -> ServiceSettings:
    """Return settings of a service that nobody can reach and that reaches nobody."""
    nowhere = "http://127.0.0.1:9"
    return ServiceSettings(
        database_url=dsn,
        nats_url="nats://127.0.0.1:9",
        issuer=nowhere,
        audience="pharos",
        jwks_url=nowhere,
        token_url=nowhere,
        client_id="tester",
        client_secret=SecretStr("unused"),
        feeds={},
    )
