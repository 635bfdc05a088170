"""Which credits a deal gives, and what is posted when it changes."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.performance.credits.model import CreditKey, Entry
from services.performance.credits.rules import credits_of, entries
from shared.contracts.contract import MoneyValue
from shared.contracts.pipeline import DealFact, DealShare, DealStage, DealWon
from shared.contracts.targets import Metric
from shared.ids import derived_id

LI, WANG = (derived_id("member", name) for name in ("李雷", "王芳"))
DEAL, EVENT = derived_id("deal", 1), derived_id("event", 1)
DAY, LATER = date(2017, 5, 10), date(2017, 7, 1)
NOW = datetime(2017, 7, 1, tzinfo=UTC)

Shares = dict[UUID, tuple[str, str]]
"""Member → (share, amount)."""

HALVES: Shares = {LI: ("0.5", "50.01"), WANG: ("0.5", "50.00")}


def deal(
    shares: Shares,
    *,
    stage: DealStage = DealStage.WON,
    on: date = DAY,
    currency: str = "CNY",
    quantity: str = "3",
    version: int = 1,
) -> DealFact:
    total = sum((Decimal(amount) for _, amount in shares.values()), Decimal(0))
    return DealWon(
        version=version,
        deal_id=DEAL,
        name="核心系统",
        stage=stage,
        owner_id=LI,
        account_id=None,
        amount=MoneyValue(amount=total, currency=currency),
        quantity=Decimal(quantity),
        shares=tuple(
            DealShare(
                member_id=member,
                share=Decimal(share),
                amount=MoneyValue(amount=Decimal(amount), currency=currency),
                quantity=Decimal(quantity) * Decimal(share),
            )
            for member, (share, amount) in shares.items()
        ),
        lines=(),
        opened_on=date(2017, 1, 2),
        closed_on=None if stage is DealStage.OPEN else on,
    )


def posted(before: DealFact | None, after: DealFact) -> list[Entry]:
    return list(
        entries(before, after, cause_id=EVENT, source="pipeline", partition=0, number=7, now=NOW)
    )


def commissions(found: list[Entry]) -> dict[CreditKey, Decimal]:
    return {entry.key: entry.amounts.commission for entry in found}


def test_a_won_deal_gives_each_member_revenue_and_units_by_the_share() -> None:
    found = credits_of(deal(HALVES))
    assert {key: amounts.commission for key, amounts in found.items()} == {
        CreditKey(LI, DAY, Metric.REVENUE, "CNY"): Decimal("50.01"),
        CreditKey(LI, DAY, Metric.UNITS, ""): Decimal("1.5"),
        CreditKey(WANG, DAY, Metric.REVENUE, "CNY"): Decimal("50.00"),
        CreditKey(WANG, DAY, Metric.UNITS, ""): Decimal("1.5"),
    }
    assert all(amounts.quota == amounts.commission for amounts in found.values())


@pytest.mark.parametrize("stage", [DealStage.OPEN, DealStage.LOST])
def test_a_deal_that_is_not_won_gives_nothing(stage: DealStage) -> None:
    assert credits_of(deal(HALVES, stage=stage)) == {}


def test_a_deal_of_nothing_posts_nothing() -> None:
    assert posted(None, deal({LI: ("1", "0")}, quantity="0")) == []


def test_a_new_version_posts_the_difference() -> None:
    found = posted(deal(HALVES), deal({LI: ("1", "80.00")}, version=2))
    assert commissions(found) == {
        CreditKey(LI, DAY, Metric.REVENUE, "CNY"): Decimal("29.99"),
        CreditKey(LI, DAY, Metric.UNITS, ""): Decimal("1.5"),
        CreditKey(WANG, DAY, Metric.REVENUE, "CNY"): Decimal("-50.00"),
        CreditKey(WANG, DAY, Metric.UNITS, ""): Decimal("-1.5"),
    }


def test_what_moves_to_another_day_or_currency_is_taken_back_where_it_was() -> None:
    before = deal({LI: ("1", "80")}, quantity="0")
    after = deal({LI: ("1", "80")}, quantity="0", on=LATER, currency="USD")
    assert commissions(posted(before, after)) == {
        CreditKey(LI, DAY, Metric.REVENUE, "CNY"): Decimal(-80),
        CreditKey(LI, LATER, Metric.REVENUE, "USD"): Decimal(80),
    }


def test_an_entry_names_its_cause_and_has_the_same_id_every_time() -> None:
    first, again = posted(None, deal(HALVES)), posted(None, deal(HALVES))
    assert first == again
    assert len({entry.id for entry in first}) == 4
    assert {(e.cause_id, e.source, e.number, e.fact_id, e.fact_version) for e in first} == {
        (EVENT, "pipeline", 7, DEAL, 1)
    }


versions = st.builds(
    deal,
    st.dictionaries(
        st.sampled_from([LI, WANG]),
        st.tuples(
            st.decimals("0.000001", "1", places=6).map(str),
            st.decimals("-999999.99", "999999.99", places=2).map(str),
        ),
        min_size=1,
    ),
    stage=st.sampled_from(DealStage),
    on=st.sampled_from([DAY, LATER]),
    currency=st.sampled_from(["CNY", "USD"]),
    quantity=st.decimals("0", "999999999999999.999999", places=6).map(str),
)


@given(st.lists(versions, min_size=1, max_size=6))
def test_the_entries_of_all_versions_sum_to_the_credits_of_the_last(told: list[DealFact]) -> None:
    ledger: dict[CreditKey, Decimal] = {}
    before = None
    for after in told:
        for key, amount in commissions(posted(before, after)).items():
            ledger[key] = ledger.get(key, Decimal(0)) + amount
        before = after
    assert {key: amount for key, amount in ledger.items() if amount} == {
        key: amounts.commission for key, amounts in credits_of(told[-1]).items()
    }
