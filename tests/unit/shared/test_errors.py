"""The family of errors: codes, kinds, texts in two languages."""

from copy import copy, deepcopy
from datetime import date
from decimal import Decimal
from enum import Enum

import pytest

from shared.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    Kind,
    NotFound,
    PharosError,
    PreconditionFailed,
    PreconditionRequired,
    Refused,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)


class Stage(Enum):
    WON = "won"


class DealAlreadyClosed(Refused):
    en = "Deal {deal_id} is already {stage}. Reopen it first."
    zh = "商机 {deal_id} 已是 {stage} 状态，请先重新打开。"


class OKRNotInForce(NotFound):
    en = "There is no such OKR."
    zh = "没有这个 OKR。"


class PlanRetired(Gone):
    code = "plan_withdrawn"
    en = "The plan was withdrawn."
    zh = "方案已撤回。"


@pytest.mark.parametrize(
    ("error", "status", "retryable"),
    [
        (Invalid, 422, False),
        (Unauthenticated, 401, False),
        (Forbidden, 403, False),
        (NotFound, 404, False),
        (Conflict, 409, False),
        (Refused, 409, False),
        (Gone, 410, False),
        (PreconditionFailed, 412, False),
        (TooLarge, 413, False),
        (PreconditionRequired, 428, False),
        (TooManyRequests, 429, True),
        (Unavailable, 503, True),
    ],
)
def test_the_kind_decides_status_and_retry(
    error: type[PharosError], status: int, *, retryable: bool
) -> None:
    assert (error.kind.status, error.kind.retryable) == (status, retryable)


def test_a_conflict_and_a_refusal_are_two_kinds_with_one_status() -> None:
    assert Conflict.kind is not Refused.kind
    assert len(Kind) == 12


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DealAlreadyClosed, "deal_already_closed"),
        (OKRNotInForce, "okr_not_in_force"),
        (PlanRetired, "plan_withdrawn"),
        (TooLarge, "too_large"),
    ],
)
def test_the_code_is_the_class_in_snake_case_unless_it_is_stated(
    error: type[PharosError], code: str
) -> None:
    assert error.code == code


def test_the_text_says_the_facts_in_both_languages() -> None:
    error = DealAlreadyClosed(deal_id=7, stage=Stage.WON, pointer="/deal_id")
    assert str(error) == error.text("en") == "Deal 7 is already won. Reopen it first."
    assert error.text("zh") == "商机 7 已是 won 状态，请先重新打开。"
    assert error.pointer == "/deal_id"
    assert error.facts == {"deal_id": 7, "stage": Stage.WON}
    assert repr(error) == "DealAlreadyClosed('Deal 7 is already won. Reopen it first.')"


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("0.0000001"), "0.0000001"),
        (date(2025, 3, 31), "2025-03-31"),
        (["华东", Stage.WON], "华东, won"),
        ({"b", "a"}, "a, b"),
        ("{stage}", "{stage}"),
        ("长" * 300, "长" * 199 + "…"),
    ],
)
def test_a_fact_reads_well_and_is_bounded(fact: object, shown: str) -> None:
    error = DealAlreadyClosed(deal_id=fact, stage=Stage.WON)
    assert str(error) == f"Deal {shown} is already won. Reopen it first."


def test_facts_that_no_text_names_are_kept() -> None:
    assert DealAlreadyClosed(deal_id=7, stage="won", owner=9).facts["owner"] == 9


def test_a_missing_fact_is_noticed_when_the_error_is_made() -> None:
    with pytest.raises(TypeError, match="stage"):
        DealAlreadyClosed(deal_id=7)


@pytest.mark.parametrize("pointer", ["", "/lines/0/amount", "?limit", None])
def test_a_pointer_is_into_the_body_or_names_a_parameter(pointer: str | None) -> None:
    assert DealAlreadyClosed(deal_id=7, stage="won", pointer=pointer).pointer == pointer


@pytest.mark.parametrize(
    ("pointer", "deeper"), [(None, "/deals/3"), ("", "/deals/3"), ("/deal_id", "/deals/3/deal_id")]
)
def test_an_error_of_one_item_is_placed_under_the_item(pointer: str | None, deeper: str) -> None:
    error = DealAlreadyClosed(deal_id=7, stage="won", pointer=pointer).under("/deals/3")
    assert (type(error), error.pointer) == (DealAlreadyClosed, deeper)
    assert str(error) == "Deal 7 is already won. Reopen it first."


def test_another_pointer_is_refused() -> None:
    with pytest.raises(TypeError, match="deal_id"):
        DealAlreadyClosed(deal_id=7, stage="won", pointer="deal_id")


def test_an_error_is_rebuilt_whole_as_when_it_goes_to_another_process() -> None:
    error = DealAlreadyClosed(deal_id=7, stage=Stage.WON, pointer="/deal_id")
    for arrived in (copy(error), deepcopy(error)):
        assert_same(arrived, error)


def assert_same(arrived: PharosError, error: PharosError) -> None:
    assert type(arrived) is type(error)
    assert arrived.facts == error.facts
    assert arrived.text("zh") == error.text("zh")
    assert arrived.pointer == error.pointer


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "both en and zh"),
        ({"en": "One."}, "both en and zh"),
        ({"zh": "一。"}, "both en and zh"),
        ({"en": "One {a}.", "zh": "一。"}, r"\['a'\] in en"),
        ({"en": "One {a}.", "zh": "一 {b}。"}, r"\['b'\] in zh"),
        ({"en": "One {}.", "zh": "一 {}。"}, "plain name"),
        ({"en": "One {0}.", "zh": "一 {0}。"}, "plain name"),
        ({"en": "One {a.b}.", "zh": "一 {a.b}。"}, "plain name"),
        ({"en": "One {a!r}.", "zh": "一 {a!r}。"}, "plain name"),
        ({"en": "One {a:>9}.", "zh": "一 {a:>9}。"}, "plain name"),
    ],
)
def test_a_class_with_texts_that_do_not_match_is_refused(texts: dict[str, str], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        type("PlanNotInForce", (Refused,), texts)


def test_a_subclass_may_keep_both_texts_but_not_one() -> None:
    class LostDeal(DealAlreadyClosed):
        """A closed deal, more precisely."""

    assert LostDeal.code == "lost_deal"
    assert LostDeal.zh == DealAlreadyClosed.zh
    with pytest.raises(TypeError, match="both en and zh"):
        type("LostDeal", (DealAlreadyClosed,), {"en": "Deal {deal_id} is {stage}."})


def test_the_root_takes_no_error_without_a_kind() -> None:
    with pytest.raises(TypeError, match="no kind"):
        type("Strange", (PharosError,), {"en": "One.", "zh": "一。"})


def test_a_kind_itself_cannot_be_raised() -> None:
    with pytest.raises(TypeError, match="named error"):
        Refused()
