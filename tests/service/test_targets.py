"""Organisation, targets and attainment over HTTP and by events, in any order."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from services.targets.attainment.commands import repost
from services.targets.attainment.reactions import post_deals
from shared import clock
from shared.context import Context, Origin
from shared.contracts.contract import MoneyValue
from shared.contracts.pipeline import DealFact, DealShare, DealStage, DealWon
from shared.db import Connection, Database
from shared.events.envelope import Event
from shared.ids import new_id
from shared.money import Money, apportioned
from tests.service.conftest import Installation


def won(
    *shares: tuple[UUID, str],
    amount: str,
    deal_id: UUID | None = None,
    version: int = 1,
    stage: DealStage = DealStage.WON,
    on: str = "2026-11-02",
    quantity: str = "0",
) -> DealWon:
    """Return the fact of a deal with shares (member, share)."""
    money = Money.of(amount, "CNY")
    weights = [Decimal(share) for _, share in shares]
    parts = money.split(weights)
    units = apportioned(Decimal(quantity), weights, 6)
    return DealWon(
        version=version,
        deal_id=deal_id or new_id(),
        name="灯塔",
        stage=stage,
        owner_id=shares[0][0],
        account_id=None,
        amount=MoneyValue.of(money),
        quantity=Decimal(quantity),
        shares=tuple(
            DealShare(member_id=member, share=weight, amount=MoneyValue.of(part), quantity=unit)
            for (member, _), weight, part, unit in zip(shares, weights, parts, units, strict=True)
        ),
        lines=(),
        opened_on=date(2026, 10, 1),
        closed_on=None if stage is DealStage.OPEN else date.fromisoformat(on),
    )


def event(fact: DealFact, number: int = 1) -> Event:
    """Return the event that brings a fact."""
    return Event(
        id=new_id(),
        source="pipeline",
        partition=0,
        number=number,
        previous_id=None,
        type=DealWon.TYPE,
        subject=fact.deal_id,
        version=fact.version,
        time=clock.now(),
        correlation_id=new_id(),
        causation_id=None,
        origin=Origin.LIVE,
        traceparent=None,
        data=fact.model_dump_json(),
        content=fact,
    )


@dataclass
class Company:
    """A company of two teams, and a seller in each."""

    api: httpx.AsyncClient
    database: Database
    ids: dict[str, UUID] = field(default_factory=dict)

    async def unit(self, name: str, parent: str | None = None, since: str = "2020-01-01") -> None:
        body = {
            "name": name,
            "kind": "team",
            "parent_id": None if parent is None else str(self.ids[parent]),
            "valid_from": since,
        }
        self.ids[name] = await self.put(f"/v1/units/by-external/hr/{name}", body)

    async def member(self, name: str, unit: str | None, since: str = "2020-01-01") -> None:
        unit_id = None if unit is None else str(self.ids[unit])
        body = {"name": name, "unit_id": unit_id, "valid_from": since}
        self.ids[name] = await self.put(f"/v1/members/by-external/hr/{name}", body)

    async def put(self, path: str, body: dict[str, Any]) -> UUID:
        answer = await self.api.put(path, json=body)
        assert answer.status_code == 200, answer.text
        return UUID(answer.json()["id"])

    async def target(
        self, scope: str, name: str, value: str | None, /, **more: Any
    ) -> httpx.Response:
        return await self.api.put(
            "/v1/targets",
            json={
                "scope": scope,
                "scope_id": str(self.ids[name]),
                "metric": "revenue",
                "period": "2026-Q4",
                "value": value,
                "currency": "CNY",
                **more,
            },
        )

    async def hear(self, *facts: DealFact) -> None:
        """React to facts in one batch."""
        await self.react([event(fact) for fact in facts])

    async def react(self, events: Sequence[Event]) -> None:
        ctx = Context("targets", clock.now(), new_id())

        async def work(conn: Connection) -> None:
            await post_deals(conn, ctx, events)

        await self.database.transact(work)

    async def repost(self) -> None:
        while await repost(self.database, Context("targets", clock.now(), new_id())):
            continue

    async def actuals(self, metric: str = "revenue", period: str = "2026-Q4") -> dict[str, str]:
        """Return the actual of every scope that has one, by name."""
        names = {str(found): name for name, found in self.ids.items()}
        params = {"metric": metric, "period": period}
        items = (await self.api.get("/v1/attainments", params=params)).json()["items"]
        return {names[item["scope_id"]]: item["actual"] for item in items}

    async def told(self, kind: str) -> list[dict[str, Any]]:
        async with self.database.acquire() as conn:
            rows = await conn.fetch("SELECT payload FROM outbox WHERE type = $1 ORDER BY id", kind)
        return [orjson.loads(row["payload"]) for row in rows]


@pytest.fixture
async def company(installation: Installation) -> AsyncIterator[Company]:
    async with installation.api("targets") as api, installation.open("targets") as database:
        made = Company(api, database)
        await made.unit("公司")
        await made.unit("一队", "公司")
        await made.unit("二队", "公司")
        await made.member("王芳", "一队")
        await made.member("李强", "二队")
        yield made


async def test_a_won_deal_counts_for_the_seller_and_all_units_above(company: Company) -> None:
    await company.hear(won((company.ids["王芳"], "1"), amount="1200.50", quantity="3"))
    assert await company.actuals() == {"王芳": "1200.50", "一队": "1200.50", "公司": "1200.50"}
    assert await company.actuals("units") == {"王芳": "3", "一队": "3", "公司": "3"}


async def test_a_split_counts_by_share_and_once_for_the_common_unit(company: Company) -> None:
    fang, qiang = company.ids["王芳"], company.ids["李强"]
    await company.hear(won((fang, "0.6"), (qiang, "0.4"), amount="100.01"))
    # 60.006 → 60.01 and 40.004 → 40.00
    assert await company.actuals() == {
        "王芳": "60.01",
        "李强": "40.00",
        "一队": "60.01",
        "二队": "40.00",
        "公司": "100.01",
    }
    page = await company.api.get("/v1/attainments", params={"scope_id": str(company.ids["公司"])})
    assert page.json()["items"][0]["deals"] == 1


async def test_units_of_a_split_sum_to_the_whole_and_are_posted_once(company: Company) -> None:
    fang, qiang = company.ids["王芳"], company.ids["李强"]
    await company.hear(won((fang, "0.333333"), (qiang, "0.666667"), amount="1.00", quantity="0.5"))
    units = await company.actuals("units")
    # 0.1666665 and 0.3333335: the odd millionth goes to the first
    assert (units["王芳"], units["李强"], units["公司"]) == ("0.166667", "0.333333", "0.5")
    await company.member("王芳", "二队", "2030-01-01")  # marks, but changes nothing yet
    await company.repost()
    async with company.database.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM attainment_entry") == 10


async def test_versions_in_any_order_and_any_batches_end_the_same(company: Company) -> None:
    fang, deal = company.ids["王芳"], new_id()
    versions = [
        won((fang, "1"), amount="10.00", deal_id=deal, version=1),
        won((fang, "1"), amount="0.00", deal_id=deal, version=2, stage=DealStage.OPEN),
        won((fang, "1"), amount="25.00", deal_id=deal, version=3),
    ]
    await company.hear(versions[0], versions[1])
    assert (await company.actuals())["公司"] == "0.00"
    await company.hear(versions[2], versions[1], versions[2], versions[0])
    assert await company.actuals() == {"王芳": "25.00", "一队": "25.00", "公司": "25.00"}


async def test_a_moved_closing_date_moves_the_amount_to_its_quarter(company: Company) -> None:
    fang, deal = company.ids["王芳"], new_id()
    await company.hear(won((fang, "1"), amount="10.00", deal_id=deal))
    await company.hear(won((fang, "1"), amount="10.00", deal_id=deal, version=2, on="2026-09-30"))
    assert (await company.actuals())["王芳"] == "0.00"
    assert (await company.actuals(period="2026-Q3"))["王芳"] == "10.00"


async def test_a_back_dated_move_posts_the_difference_again(company: Company) -> None:
    await company.hear(won((company.ids["王芳"], "1"), amount="10.00"))
    await company.member("王芳", "二队", "2026-11-01")
    await company.repost()
    assert await company.actuals() == {
        "王芳": "10.00",
        "一队": "0.00",
        "二队": "10.00",
        "公司": "10.00",
    }
    await company.repost()  # nothing is left to do, and doing it again posts nothing
    assert (await company.actuals())["二队"] == "10.00"


async def test_a_unit_that_moves_takes_its_history_along(company: Company) -> None:
    await company.unit("华东", "公司")
    await company.hear(won((company.ids["王芳"], "1"), amount="10.00"))
    await company.unit("一队", "华东", "2026-10-01")
    await company.repost()
    assert (await company.actuals())["华东"] == "10.00"
    assert (await company.actuals())["公司"] == "10.00"


async def test_no_unit_hangs_below_itself_on_any_date(company: Company) -> None:
    body = {"name": "公司", "kind": "company", "valid_from": "2026-01-01"}
    body["parent_id"] = str(company.ids["一队"])
    answer = await company.api.put(f"/v1/units/{company.ids['公司']}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "unit_below_itself")
    assert answer.json()["errors"][0]["pointer"] == "/parent_id"


async def test_attainment_is_null_without_a_target_and_a_share_with_one(company: Company) -> None:
    await company.hear(won((company.ids["王芳"], "1"), amount="45000.00"))
    page = (await company.api.get("/v1/attainments", params={"metric": "revenue"})).json()
    assert {item["attainment"] for item in page["items"]} == {None}
    target = (await company.target("unit", "公司", "60000.00")).json()
    held = (await company.api.get(f"/v1/attainments/{target['attainment_id']}")).json()
    assert (held["actual"], held["attainment"]) == ("45000.00", "0.750000")
    zero = (await company.target("unit", "公司", "0")).json()
    held = (await company.api.get(f"/v1/attainments/{zero['attainment_id']}")).json()
    assert held["attainment"] is None


async def test_a_target_is_told_once_per_batch_with_its_cause(company: Company) -> None:
    await company.target("member", "王芳", "100.00")
    facts = [won((company.ids["王芳"], "1"), amount="10.00") for _ in range(5)]
    await company.hear(*facts)
    told = await company.told("pharos.targets.attainment.updated.v1")
    assert [(event["actual"], event["version"]) for event in told] == [("0", 0), ("50", 1)]
    assert told[-1]["fact_id"] == str(facts[-1].deal_id)
    assert told[-1]["attainment"] == "0.5"


async def test_a_target_that_is_the_same_changes_nothing(company: Company) -> None:
    first = (await company.target("member", "王芳", "100.00")).json()
    again = (await company.target("member", "王芳", "100")).json()
    assert again["version"] == first["version"] == 1
    assert len(await company.told("pharos.targets.target.set.v1")) == 1
    assert (await company.target("member", "王芳", "90.00")).json()["version"] == 2


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"currency": None}, "currency_missing", "/currency"),
        ({"metric": "units"}, "currency_not_needed", "/currency"),
        ({"value": "-1"}, "value_negative", "/value"),
        ({"value": "1.005"}, "value_too_fine", "/value"),
        ({"period": "2026"}, "period_not_a_quarter", "/period"),
        ({"scope_id": str(UUID(int=1))}, "unknown_scope", "/scope_id"),
    ],
)
async def test_a_target_that_makes_no_sense_is_refused(
    company: Company, change: dict[str, Any], code: str, pointer: str
) -> None:
    answer = await company.target("member", "王芳", "100.00", **change)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_every_number_is_explained_by_entries_that_sum_to_it(company: Company) -> None:
    fang, deal = company.ids["王芳"], new_id()
    for version, amount in enumerate(("10.00", "7.50", "12.25"), start=1):
        await company.hear(won((fang, "1"), amount=amount, deal_id=deal, version=version))
    item = (await company.api.get("/v1/attainments", params={"scope": "member"})).json()["items"][0]
    page = (await company.api.get(f"/v1/attainments/{item['id']}/entries")).json()
    assert [entry["amount"] for entry in page["items"]] == ["10", "-2.5", "4.75"]
    assert sum(Decimal(entry["amount"]) for entry in page["items"]) == Decimal(item["actual"])
    assert {entry["fact_id"] for entry in page["items"]} == {str(deal)}


async def test_deals_of_other_partitions_are_summed_on_read(company: Company) -> None:
    facts = [won((company.ids["王芳"], "1"), amount=amount) for amount in ("10.00", "5.00")]
    await company.react([replace(event(fact), partition=place) for place, fact in enumerate(facts)])
    assert (await company.actuals())["公司"] == "15.00"


async def test_the_largest_deals_of_years_fit_into_one_number(company: Company) -> None:
    fang = company.ids["王芳"]
    await company.hear(*(won((fang, "1"), amount="999999999999999.99") for _ in range(1_100)))
    assert (await company.actuals())["公司"] == "1099999999999999989.00"
