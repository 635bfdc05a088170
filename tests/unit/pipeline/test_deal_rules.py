"""What a deal may do, and what each version of it tells."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pipeline.deals import rules
from services.pipeline.deals.model import Deal, Line, Record, Share, Terms, Transition
from shared.contracts.pipeline import DealStage
from shared.errors import PharosError
from shared.ids import External, new_id
from shared.money import Money

SELLER, PARTNER, PRODUCT = new_id(), new_id(), new_id()
OPENED, CLOSED = date(2026, 10, 8), date(2026, 11, 20)
TERMS = Terms(
    name="灯塔项目",
    owner_id=SELLER,
    account_id=None,
    amount=Money.of("1000.00", "CNY"),
    lines=(),
    shares=(Share(SELLER, Decimal(1)),),
    opened_on=OPENED,
)


def deal(stage: DealStage = DealStage.OPEN) -> Deal:
    made = rules.opened(new_id(), TERMS)
    return made if stage is DealStage.OPEN else moved(made, stage)


def moved(before: Deal, to: DealStage) -> Deal:
    on = None if to is DealStage.OPEN else CLOSED
    return rules.moved(before, Transition(before.id, to, on))


@pytest.mark.parametrize(
    ("stage", "to", "kind"),
    [
        (DealStage.OPEN, DealStage.WON, "pharos.pipeline.deal.won.v1"),
        (DealStage.OPEN, DealStage.LOST, "pharos.pipeline.deal.lost.v1"),
        (DealStage.WON, DealStage.OPEN, "pharos.pipeline.deal.reopened.v1"),
        (DealStage.LOST, DealStage.OPEN, "pharos.pipeline.deal.reopened.v1"),
    ],
)
def test_each_step_makes_the_next_version_and_tells_of_it(
    stage: DealStage, to: DealStage, kind: str
) -> None:
    before = deal(stage)
    after = moved(before, to)
    told = rules.told(before, after)
    assert (after.version, after.stage) == (before.version + 1, to)
    assert (told.TYPE, told.version, told.stage) == (kind, after.version, to)


@pytest.mark.parametrize(
    ("stage", "to", "code"),
    [
        (DealStage.WON, DealStage.WON, "deal_already_closed"),
        (DealStage.WON, DealStage.LOST, "deal_already_closed"),
        (DealStage.LOST, DealStage.WON, "deal_already_closed"),
        (DealStage.OPEN, DealStage.OPEN, "deal_is_open"),
    ],
)
def test_a_step_that_the_stage_does_not_have_is_refused(
    stage: DealStage, to: DealStage, code: str
) -> None:
    with pytest.raises(PharosError) as refused:
        moved(deal(stage), to)
    assert refused.value.code == code


def test_an_edit_that_changes_nothing_makes_no_version() -> None:
    won = deal(DealStage.WON)
    assert rules.edited(won, TERMS) is won


def test_an_edit_of_a_closed_deal_keeps_it_closed() -> None:
    won = deal(DealStage.WON)
    after = rules.edited(won, replace(TERMS, amount=Money.of("1.00", "CNY")))
    assert (after.stage, after.closed_on) == (DealStage.WON, CLOSED)
    assert rules.told(won, after).TYPE == "pharos.pipeline.deal.edited.v1"


@pytest.mark.parametrize(
    ("terms", "code", "pointer"),
    [
        (replace(TERMS, shares=(Share(SELLER, Decimal("0.9")),)), "shares_not_whole", "/shares"),
        (
            replace(TERMS, shares=(Share(SELLER, Decimal("0.5")), Share(SELLER, Decimal("0.5")))),
            "member_twice",
            "/shares/1/member_id",
        ),
        (
            replace(TERMS, lines=(Line(PRODUCT, Decimal(1), Money.of("999.99", "CNY")),)),
            "lines_differ",
            "/amount",
        ),
        (
            replace(TERMS, lines=(Line(PRODUCT, Decimal(1), Money.of("1000.00", "USD")),)),
            "mixed_currencies",
            "/lines/0/amount/currency",
        ),
    ],
)
def test_terms_that_do_not_hold_together_are_refused(terms: Terms, code: str, pointer: str) -> None:
    with pytest.raises(PharosError) as refused:
        rules.opened(new_id(), terms)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_a_record_that_is_the_same_makes_no_version() -> None:
    record = Record(External("crm", "1"), TERMS, DealStage.WON, CLOSED)
    first = rules.recorded(None, record, new_id())
    assert (first.version, first.stage) == (1, DealStage.WON)
    assert rules.recorded(first, record, new_id()) is first
    changed = rules.recorded(first, replace(record, stage=DealStage.OPEN, closed_on=None), new_id())
    assert (changed.id, changed.version) == (first.id, 2)


@given(
    cents=st.integers(0, 10**14),
    parts=st.lists(st.integers(1, 10_000), min_size=1, max_size=12),
)
def test_the_shares_of_a_fact_sum_to_the_deal(cents: int, parts: list[int]) -> None:
    whole = sum(parts)
    rates = [Decimal(part * 1_000_000 // whole).scaleb(-6) for part in parts]
    rates[0] += 1 - sum(rates, Decimal(0))
    shares = tuple(Share(new_id(), rate) for rate in rates if rate)
    terms = replace(TERMS, amount=Money(Decimal(cents).scaleb(-2), "CNY"), shares=shares)
    fact = rules.told(None, rules.opened(new_id(), terms))
    assert sum(share.amount.amount for share in fact.shares) == fact.amount.amount
