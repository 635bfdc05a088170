"""The performance service as its tests see it: events in, HTTP in and out, the outbox."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from services.performance.incentives.commands import recalculate_marked
from services.performance.service import SERVICE
from shared import clock
from shared.context import Context, Origin
from shared.contracts.contract import Contract, MoneyValue
from shared.contracts.pipeline import DealFact, DealLost, DealShare, DealStage, DealWon
from shared.contracts.targets import AttainmentUpdated, Metric, ScopeKind, TargetSet
from shared.db import Connection, Database
from shared.events.consumer import Reaction
from shared.events.envelope import Event
from shared.ids import derived_id, new_id
from tests.service.conftest import Installation

NOW = datetime(2017, 7, 1, 8, 30, tzinfo=UTC)
Json = dict[str, Any]

OUTBOX = "SELECT type, payload, correlation_id, causation_id, origin FROM outbox ORDER BY id"
LEDGER = """
    SELECT payee_id, period, plan_id, component, sum(amount) AS amount
      FROM incentive_entry
     GROUP BY payee_id, period, plan_id, component
     ORDER BY payee_id, period, plan_id, component
"""
HEADS = """
    SELECT payee_id, period, plan_id, component, amount, trace
      FROM incentive
     ORDER BY payee_id, period, plan_id, component
"""
ENTRIES = "SELECT count(*) FROM incentive_entry"


def tiers(*rows: tuple[str, str | None, str]) -> list[Json]:
    return [{"from": start, "to": end, "rate": rate} for start, end, rate in rows]


def commission(**changes: object) -> Json:
    """5 % of revenue up to the target, 8 % on the part above; without a target 5 % on all."""
    return {
        "kind": "commission",
        "key": "收入提成",
        "measure": {"kind": "own_credits", "metric": "revenue"},
        "period": "quarter",
        "table": {
            "mode": "marginal",
            "boundary": "from",
            "bounds": "share_of_quota",
            "tiers": tiers(("0", "1", "0.05"), ("1", None, "0.08")),
        },
        "without_quota": {
            "mode": "marginal",
            "boundary": "from",
            "bounds": "amount",
            "tiers": tiers(("0", None, "0.05")),
        },
        "rounding": "half_up",
        **changes,
    }


def team(unit_id: UUID, **changes: object) -> Json:
    """5 % of a unit's revenue up to its target, 8 % above; nothing without a target."""
    measure = {"kind": "unit_attainment", "unit_id": str(unit_id), "metric": "revenue"}
    return commission(**({"measure": measure, "without_quota": None} | changes))


def amounts(*rows: tuple[str, str | None, str], mode: str = "marginal") -> Json:
    """A table in amounts, and therefore none for the case without a quota."""
    table = {"mode": mode, "boundary": "from", "bounds": "amount", "tiers": tiers(*rows)}
    return {"table": table, "without_quota": None}


def plan(*components: Json, **changes: object) -> Json:
    return {
        "name": "销售提成 2017",
        "valid_from": "2017-01-01",
        "currency": "CNY",
        "components": list(components) or [commission()],
        **changes,
    }


def deal(
    shares: Mapping[UUID, str],
    *,
    deal_id: UUID | None = None,
    version: int = 1,
    on: str = "2017-05-10",
    currency: str = "CNY",
    quantity: str = "0",
    lost: bool = False,
) -> DealFact:
    """A closed deal at one version; the shares are amounts by member."""
    total = sum((Decimal(amount) for amount in shares.values()), Decimal(0))
    part = Decimal(1) if len(shares) == 1 else Decimal("0.5")
    contract = DealLost if lost else DealWon
    return contract(
        version=version,
        deal_id=deal_id or new_id(),
        name="华东银行核心系统",
        stage=DealStage.LOST if lost else DealStage.WON,
        owner_id=next(iter(shares)),
        account_id=None,
        amount=MoneyValue(amount=total, currency=currency),
        quantity=Decimal(quantity),
        shares=tuple(
            DealShare(
                member_id=member,
                share=part,
                amount=MoneyValue(amount=Decimal(amount), currency=currency),
                quantity=Decimal(quantity) * part,
            )
            for member, amount in shares.items()
        ),
        lines=(),
        opened_on=date(2017, 1, 2),
        closed_on=date.fromisoformat(on),
    )


def target(
    scope_id: UUID,
    value: str | None,
    *,
    scope: ScopeKind = ScopeKind.MEMBER,
    period: str = "2017-Q2",
    version: int = 1,
    currency: str = "CNY",
) -> TargetSet:
    return TargetSet(
        version=version,
        target_id=derived_id("target", scope_id, period, currency),
        scope=scope,
        scope_id=scope_id,
        metric=Metric.REVENUE,
        period=period,
        start=date(2017, 4, 1),
        end=date(2017, 7, 1),
        value=None if value is None else Decimal(value),
        currency=currency,
    )


def reached(
    unit_id: UUID, actual: str, *, version: int = 1, partition: int = 0, period: str = "2017-Q2"
) -> AttainmentUpdated:
    """The attainment of a unit's target; each partition tells its own part of the actual."""
    return AttainmentUpdated(
        version=version,
        target_id=derived_id("target", unit_id, period, "CNY"),
        target_version=1,
        scope=ScopeKind.UNIT,
        scope_id=unit_id,
        metric=Metric.REVENUE,
        period=period,
        value=None,
        actual=Decimal(actual),
        currency="CNY",
        attainment=None,
        partition=partition,
        partition_actual=Decimal(actual),
        fact_id=None,
        fact_version=None,
    )


@dataclass
class World:
    """One installation's performance service; ``tell`` is its consumers, ``settle`` its chores."""

    database: Database
    http: httpx.AsyncClient
    numbers: dict[str, int] = field(default_factory=dict)

    def event(self, content: Contract, *, origin: Origin = Origin.LIVE) -> Event:
        """Wrap a payload as the next event of its service's log."""
        source = content.TYPE.split(".")[1]
        number = self.numbers[source] = self.numbers.get(source, 0) + 1
        return Event(
            id=derived_id(content.TYPE, content.subject, content.version, number),
            source=source,
            partition=0,
            number=number,
            previous_id=None,
            type=content.TYPE,
            subject=content.subject,
            version=content.version,
            time=NOW,
            correlation_id=new_id(),
            causation_id=None,
            origin=origin,
            traceparent=None,
            data=content.model_dump_json(),
        ).decoded()

    async def tell(self, *contents: Contract) -> None:
        """Let these happen, as one batch for each source."""
        await self.react(*(self.event(content) for content in contents))

    async def react(self, *events: Event) -> None:
        """Hand events to the subscriptions that handle them, in one transaction each."""
        handled = {kind for subscription in SERVICE.subscriptions for kind in subscription.handles}
        assert {event.type for event in events} <= handled
        for subscription in SERVICE.subscriptions:
            batch = [event for event in events if event.type in subscription.handles]
            if batch:
                await self._react(subscription.react, batch)

    async def _react(self, react: Reaction, batch: Sequence[Event]) -> None:
        async def work(conn: Connection) -> None:
            await react(conn, self.context(), batch)

        await self.database.transact(work)

    def context(self) -> Context:
        return Context("performance", clock.now(), new_id())

    async def settle(self) -> int:
        """Work off what was put off; return how many payees there were."""
        total = 0
        while done := await recalculate_marked(self.database, self.context()):
            total += done
        return total

    async def make(self, *components: Json, payees: Sequence[UUID] = (), **changes: object) -> Json:
        """Make a plan in force from the beginning of 2017 and assign it to payees."""
        answer = await self.http.post("/v1/plans", json=plan(*components, **changes))
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        if payees:
            assigned = await self.assign(made["id"], *payees)
            assert assigned.status_code == 200, assigned.text
        return made

    async def assign(
        self,
        plan_id: str,
        *payees: UUID,
        valid_from: str = "2017-01-01",
        valid_to: str | None = None,
    ) -> httpx.Response:
        body = {
            "payee_ids": [str(payee) for payee in payees],
            "valid_from": valid_from,
            "valid_to": valid_to,
        }
        return await self.http.post(f"/v1/plans/{plan_id}/assignments", json=body)

    async def statement(self, payee: UUID, period: str = "2017-Q2") -> Json:
        answer = await self.http.get(f"/v1/statements/{payee}/{period}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def due(self, payee: UUID, period: str = "2017-Q2") -> str:
        """Return what a payee is due, and see that every sum in the statement agrees with it."""
        statement = await self.statement(payee, period)
        for component in statement["components"]:
            due = Decimal(component["amount"]["amount"])
            assert Decimal(component["posted"]["amount"]) == due
            assert total(line["amount"] for line in component["lines"]) == due
            if await self.measures(component) == "own_credits":
                assert total(part["commission"] for part in component["credits"]) == due
                measured = Decimal(component["measured"]["amount"])
                assert total(part["amount"] for part in component["credits"]) == measured
        (amount,) = statement["totals"]
        text: str = amount["amount"]
        return text

    async def measures(self, component: Json) -> str:
        """Return the kind of measure that a component of a statement was worked out by."""
        plan = (await self.http.get(f"/v1/plans/{component['plan_id']}")).json()
        version = plan["versions"][component["plan_version"] - 1]
        (found,) = (c for c in version["components"] if c["key"] == component["component"])
        kind: str = found["measure"]["kind"]
        return kind

    async def end(self, plan_id: str, *payees: UUID, valid_to: str) -> httpx.Response:
        body = {"payee_ids": [str(payee) for payee in payees], "valid_to": valid_to}
        return await self.http.post(f"/v1/plans/{plan_id}/assignments/end", json=body)

    async def outbox(self, kind: str = "") -> list[Json]:
        """Return the payloads of the events that wait for the relay, those of a type if given."""
        rows = await self.rows(OUTBOX)
        return [dict(row) for row in rows if row["type"].startswith(f"pharos.performance.{kind}")]

    async def rows(self, query: str, *values: object) -> list[Any]:
        async with self.database.acquire() as conn:
            return list(await conn.fetch(query, *values))


def total(amounts_of: Iterable[Json]) -> Decimal:
    return sum((Decimal(amount["amount"]) for amount in amounts_of), Decimal(0))


@asynccontextmanager
async def performance(installation: Installation) -> AsyncIterator[World]:
    """Serve the performance service and lend what a test needs of it."""
    async with (
        installation.open("performance") as database,
        installation.api("performance") as http,
    ):
        yield World(database, http)
