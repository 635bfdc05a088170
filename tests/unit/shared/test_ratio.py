"""Shares of one, and the exact arithmetic under them."""

from copy import copy
from decimal import Decimal, Inexact
from fractions import Fraction
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ratio import EXACT, NotADecimal, Ratio, exact, plain

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15))


@pytest.mark.parametrize("text", ["0", "-0.5", "1200.00", "007", "0.000001"])
def test_plain_text_is_a_decimal(text: str) -> None:
    assert exact(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    ["", "1e5", "1,200", "1_000", "NaN", "Infinity", "+1", " 1", "1\n", ".5", "5.", "１２", "--1"],
)
def test_other_text_is_not(text: str) -> None:
    with pytest.raises(NotADecimal):
        exact(text)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")])
def test_only_finite_decimals_are_exact(value: Decimal) -> None:
    with pytest.raises(NotADecimal):
        exact(value)


@pytest.mark.parametrize("value", [0.08, True, None, b"1"])
def test_a_float_is_never_taken(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        exact(cast("Decimal", value))


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+3", "1000"), ("1E-7", "0.0000001"), ("-0.00", "0.00"), ("0E-8", "0.00000000")],
)
def test_plain_writes_no_exponent_and_no_negative_zero(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


def test_the_context_raises_rather_than_lose_a_digit() -> None:
    with pytest.raises(Inexact):
        EXACT.divide(Decimal(1), Decimal(3))


@pytest.mark.parametrize(
    ("numerator", "denominator", "digits", "share"),
    [
        ("1", "3", 6, "0.333333"),
        ("2", "3", 6, "0.666667"),
        ("-2", "3", 6, "-0.666667"),
        ("2", "-3", 6, "-0.666667"),
        ("150000", "100000", 6, "1.500000"),
        # a tie goes to the even neighbour
        ("1", "8", 2, "0.12"),
        ("3", "8", 2, "0.38"),
        ("-1", "8", 2, "-0.12"),
        # one digit beyond the tie decides; rounding twice would give 0.12
        ("0.12500000000000000000000000000000000001", "1", 2, "0.13"),
        ("0", "5", 6, "0"),
        ("5", "1", 0, "5"),
    ],
)
def test_a_quotient_is_rounded_once_half_even(
    numerator: str, denominator: str, digits: int, share: str
) -> None:
    assert Ratio.of(Decimal(numerator), Decimal(denominator), digits) == Ratio(share)


@pytest.mark.parametrize("zero", [0, Decimal(0), Decimal("-0.00")])
def test_nothing_is_divided_by_zero(zero: Decimal | int) -> None:
    assert Ratio.of(5, zero) is None


@given(decimals, decimals.filter(bool), st.integers(0, 12))
def test_a_quotient_is_within_half_a_unit_of_the_true_one(
    numerator: Decimal, denominator: Decimal, digits: int
) -> None:
    share = Ratio.of(numerator, denominator, digits)
    assert share is not None
    off = Fraction(share.value) - Fraction(numerator) / Fraction(denominator)
    assert abs(off) <= Fraction(1, 2 * 10**digits)


@pytest.mark.parametrize(
    ("share", "digits", "shown"),
    [
        ("0.08", 2, "8.00%"),
        ("0.12345", 2, "12.35%"),
        ("-0.12345", 2, "-12.35%"),
        ("1.5", 0, "150%"),
        ("-0.000001", 2, "0.00%"),
        ("0", 1, "0.0%"),
    ],
)
def test_a_percentage_is_for_people(share: str, digits: int, shown: str) -> None:
    assert Ratio(share).percent(digits) == shown


@given(decimals, decimals)
def test_arithmetic_is_exact(first: Decimal, second: Decimal) -> None:
    left, right = Ratio(first), Ratio(second)
    assert Fraction((left + right).value) == Fraction(first) + Fraction(second)
    assert Fraction((left - right).value) == Fraction(first) - Fraction(second)
    assert Fraction((left * right).value) == Fraction(first) * Fraction(second)
    assert left * second == second * left == left * right
    assert left - right == -(right - left)
    assert (left < right) == (first < second)


def test_a_ratio_is_a_value() -> None:
    assert Ratio("0.080") == Ratio("0.08")
    assert hash(Ratio("0.080")) == hash(Ratio("0.08"))
    assert copy(Ratio("0.08")) == Ratio("0.08")
    assert (str(Ratio("0.08")), repr(Ratio("0.08"))) == ("0.08", "Ratio('0.08')")
    assert Ratio(1)
    assert not Ratio(0)


@pytest.mark.parametrize("other", [0.5, "0.5", None])
def test_a_ratio_meets_only_exact_numbers(other: object) -> None:
    for operation in (Ratio.__add__, Ratio.__sub__, Ratio.__mul__):
        assert operation(Ratio(1), cast("Ratio", other)) is NotImplemented
