"""What a draft means, and what changes make of the terms."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.pipeline.deals import rules
from services.pipeline.deals.model import Changes, Draft, Line, Share, Terms
from services.pipeline.deals.rules import AmountMissing
from shared.ids import new_id
from shared.money import Money

SELLER, PARTNER, PRODUCT, ACCOUNT = new_id(), new_id(), new_id(), new_id()
LINE = Line(PRODUCT, Decimal(2), Money.of("30.00", "CNY"))
DRAFT = Draft(
    name="灯塔项目",
    owner_id=SELLER,
    account_id=ACCOUNT,
    amount=None,
    lines=(LINE, LINE),
    shares=None,
    opened_on=date(2026, 10, 8),
)
TERMS = rules.agreed(DRAFT)
WHOLE, HALF = Decimal(1), Decimal("0.5")
SPLIT = (Share(SELLER, HALF), Share(PARTNER, HALF))


def test_without_an_amount_it_is_the_sum_of_the_lines_and_without_shares_the_owner_has_all() -> (
    None
):
    assert TERMS.amount == Money.of("60.00", "CNY")
    assert TERMS.shares == (Share(SELLER, WHOLE),)


def test_neither_amount_nor_lines_is_refused() -> None:
    with pytest.raises(AmountMissing) as refused:
        rules.agreed(replace(DRAFT, lines=()))
    assert refused.value.pointer == "/amount"


@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        (Changes(), TERMS),
        (Changes(name="海鸥"), replace(TERMS, name="海鸥")),
        (Changes(account_id=None), replace(TERMS, account_id=None)),
        (
            Changes(lines=(LINE,)),
            replace(TERMS, lines=(LINE,), amount=Money.of("30.00", "CNY")),
        ),
        (Changes(lines=()), replace(TERMS, lines=())),
        (
            Changes(amount=Money.of("0.00", "CNY"), lines=()),
            replace(TERMS, lines=(), amount=Money.of("0.00", "CNY")),
        ),
        (
            Changes(owner_id=PARTNER),
            replace(TERMS, owner_id=PARTNER, shares=(Share(PARTNER, WHOLE),)),
        ),
        (Changes(shares=SPLIT), replace(TERMS, shares=SPLIT)),
    ],
)
def test_what_is_left_out_stays(changes: Changes, terms: Terms) -> None:
    assert rules.changed(TERMS, changes) == terms


def test_a_new_owner_leaves_a_split_as_it_is() -> None:
    split = replace(TERMS, shares=SPLIT)
    assert rules.changed(split, Changes(owner_id=PARTNER)).shares == SPLIT
