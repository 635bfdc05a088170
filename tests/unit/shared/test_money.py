"""Money: exact, in one currency, and never lost in a split."""

from copy import copy
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.currencies import MINOR_DIGITS
from shared.money import (
    CurrencyMismatch,
    Money,
    NothingToSplitBy,
    Rounding,
    UnknownCurrency,
    UnroundedAmount,
    minor_digits,
)
from shared.ratio import NotADecimal, Ratio

amounts = st.decimals(
    min_value=-(10**15), max_value=10**15, places=6, allow_nan=False, allow_infinity=False
)
currencies = st.sampled_from(["CNY", "JPY", "KWD", "CLF"])
rounded = st.builds(
    lambda units, currency: Money(Decimal(units).scaleb(-minor_digits(currency)), currency),
    st.integers(-(10**17), 10**17),
    currencies,
)
weights = st.lists(
    st.decimals(min_value=0, max_value=10**6, places=6, allow_nan=False), min_size=1, max_size=30
).filter(any)

# What the types forbid and a caller without them may still try.
A_FLOAT = cast("Decimal", 0.1)


def cny(amount: str) -> Money:
    return Money.of(amount, "CNY")


def texts(parts: list[Money]) -> list[str]:
    return [part.text for part in parts]


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("CNY", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("IQD", 3), ("CLF", 4)],
)
def test_the_standard_says_how_many_decimals_a_currency_has(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("currency", ["", "cny", "ABC", "XAU", "XXX", "人民币", "CNY "])
def test_another_code_is_no_currency(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        minor_digits(currency)
    with pytest.raises(UnknownCurrency):
        Money.of("1.00", currency)


def test_the_table_holds_every_currency_that_prices_are_agreed_in() -> None:
    assert len(MINOR_DIGITS) == 171
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_DIGITS)
    assert set(MINOR_DIGITS.values()) == {0, 2, 3, 4}


@pytest.mark.parametrize("amount", ["1e5", "NaN", "", "1,200.00", "１２"])
def test_text_that_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(NotADecimal):
        Money.of(amount, "CNY")


def test_a_float_never_becomes_money() -> None:
    with pytest.raises(TypeError, match="float"):
        Money.of(A_FLOAT, "CNY")
    with pytest.raises(TypeError, match="finite Decimal"):
        Money(A_FLOAT, "CNY")
    with pytest.raises(TypeError, match="finite Decimal"):
        Money(Decimal("NaN"), "CNY")
    with pytest.raises(TypeError, match="unsupported operand"):
        cny("1.00") * A_FLOAT


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1200", "CNY", "1200.00"),
        ("1200.500000", "CNY", "1200.50"),
        ("-0.00", "CNY", "0.00"),
        ("3.3333", "CNY", "3.3333"),
        ("3.333000", "CNY", "3.333"),
        ("100", "JPY", "100"),
        ("100.000", "JPY", "100"),
        ("1.5", "KWD", "1.500"),
    ],
)
def test_the_wire_shows_all_decimals_of_the_currency(amount: str, currency: str, text: str) -> None:
    assert Money.of(amount, currency).text == text
    assert str(Money.of(amount, currency)) == f"{text} {currency}"


@pytest.mark.parametrize(
    ("amount", "currency", "half_up", "half_even"),
    [
        ("0.005", "CNY", "0.01", "0.00"),
        ("0.015", "CNY", "0.02", "0.02"),
        ("-0.005", "CNY", "-0.01", "0.00"),
        ("-0.015", "CNY", "-0.02", "-0.02"),
        ("0.0049999999999999999999999999999999999", "CNY", "0.00", "0.00"),
        ("0.0050000000000000000000000000000000001", "CNY", "0.01", "0.01"),
        ("2.5", "JPY", "3", "2"),
        ("1.0005", "KWD", "1.001", "1.000"),
        ("99999999999999999999999999999999999999.995", "CNY", "1" + "0" * 38 + ".00",
         "1" + "0" * 38 + ".00"),
    ],
)  # fmt: skip
def test_rounding_is_to_the_minor_unit(
    amount: str, currency: str, half_up: str, half_even: str
) -> None:
    money = Money.of(amount, currency)
    assert money.rounded().text == half_up
    assert money.rounded(Rounding.HALF_EVEN).text == half_even


@pytest.mark.parametrize(
    ("amount", "currency", "is_rounded"),
    [("1.20", "CNY", True), ("1.200", "CNY", True), ("1.201", "CNY", False), ("0.5", "JPY", False)],
)
def test_an_amount_is_rounded_when_rounding_leaves_it(
    amount: str, currency: str, *, is_rounded: bool
) -> None:
    assert Money.of(amount, currency).is_rounded is is_rounded


@given(amounts, currencies, st.sampled_from(Rounding))
def test_rounding_moves_by_half_a_unit_at_most_and_mirrors(
    amount: Decimal, currency: str, rounding: Rounding
) -> None:
    money = Money.of(amount, currency)
    near = money.rounded(rounding)
    assert near.is_rounded
    off = abs(Fraction(near.amount) - Fraction(amount))
    assert off <= Fraction(1, 2 * 10 ** minor_digits(currency))
    assert (-money).rounded(rounding) == -near
    assert near.rounded(rounding) == near


@given(amounts, amounts, st.decimals(places=6, min_value=-100, max_value=100))
def test_arithmetic_is_exact(first: Decimal, second: Decimal, factor: Decimal) -> None:
    left, right = Money.of(first, "CNY"), Money.of(second, "CNY")
    assert Fraction((left + right).amount) == Fraction(first) + Fraction(second)
    assert Fraction((left - right).amount) == Fraction(first) - Fraction(second)
    assert Fraction((left * factor).amount) == Fraction(first) * Fraction(factor)
    assert left * Ratio(factor) == factor * left == Ratio(factor) * left == left * factor
    assert left + right - right == left
    assert (left < right) == (first < second)
    assert (left >= right) == (first >= second)
    assert abs(left) == (left if first >= 0 else -left)


def test_no_outer_context_can_round_money() -> None:
    with localcontext(Context(prec=3)):
        product = cny("123456789012345.123456") * Decimal("1.234567")
        total = sum([cny("99999.99")] * 3, Money.zero("CNY"))
        parts = cny("99999.99").split([Decimal("0.333333"), Decimal("0.666667")])
    assert Fraction(product.amount) == Fraction("123456789012345.123456") * Fraction("1.234567")
    assert total == cny("299999.97")
    assert texts(parts) == ["33333.30", "66666.69"]


def test_a_long_chain_of_products_stays_exact() -> None:
    money = cny("0.01")
    for _ in range(40):
        money = money * Decimal("1.000001")
    assert Fraction(money.amount) == Fraction(1, 100) * Fraction(1000001, 1000000) ** 40


def test_two_currencies_do_not_mix() -> None:
    yuan, yen = cny("1.00"), Money.of("1", "JPY")
    for combine in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__, Money.__gt__,
                    Money.__ge__, Money.over):  # fmt: skip
        with pytest.raises(CurrencyMismatch):
            combine(yuan, yen)
    assert yuan != yen
    assert Money.zero("CNY") != Money.zero("JPY")


def test_money_meets_no_bare_number() -> None:
    with pytest.raises(TypeError):
        cny("1.00") + cast("Money", 1)
    with pytest.raises(TypeError):
        cny("1.00") - cast("Money", Decimal(1))
    with pytest.raises(TypeError):
        cny("1.00") * cast("Decimal", cny("1.00"))
    assert cny("1.00") != Decimal(1)


def test_money_is_a_value() -> None:
    assert cny("1200") == cny("1200.00")
    assert hash(cny("1200")) == hash(cny("1200.00"))
    assert copy(cny("1.50")) == cny("1.50")
    assert repr(cny("1.50")) == "Money('1.50', 'CNY')"
    assert cny("0.01")
    assert not Money.zero("CNY")


def test_an_amount_can_be_told_as_a_share_of_another() -> None:
    assert cny("812340.00").over(cny("1000000.00")) == Ratio("0.81234")
    assert cny("1.00").over(cny("3.00"), digits=2) == Ratio("0.33")
    assert cny("1.00").over(Money.zero("CNY")) is None


@pytest.mark.parametrize(
    ("amount", "currency", "weights", "parts"),
    [
        # 33.333… each: one unit is left, and the first in order takes it
        ("100.00", "CNY", ["1", "1", "1"], ["33.34", "33.33", "33.33"]),
        ("-100.00", "CNY", ["1", "1", "1"], ["-33.34", "-33.33", "-33.33"]),
        ("200.00", "CNY", ["1", "1", "1"], ["66.67", "66.67", "66.66"]),
        # 16.665, 50.005 and 33.33: remainders .5, .5, 0
        ("100.00", "CNY", ["0.16665", "0.50005", "0.3333"], ["16.67", "50.00", "33.33"]),
        # 0.2 and 0.8 of a unit: the larger remainder wins although it is later
        ("0.01", "CNY", ["1", "4"], ["0.00", "0.01"]),
        ("0.01", "CNY", ["1", "1"], ["0.01", "0.00"]),
        ("100", "JPY", ["1", "1", "1"], ["34", "33", "33"]),
        ("1.000", "KWD", ["1", "2"], ["0.333", "0.667"]),
        # 7 by 3 : 0 : 1 is 5.25, 0, 1.75
        ("7", "JPY", ["3", "0", "1"], ["5", "0", "2"]),
        ("0.00", "CNY", ["1", "2"], ["0.00", "0.00"]),
        ("10.00", "CNY", ["0.000001"], ["10.00"]),
        ("10.0000", "CNY", ["1", "1"], ["5.00", "5.00"]),
    ],
)
def test_a_split_sums_to_the_whole(
    amount: str, currency: str, weights: list[str], parts: list[str]
) -> None:
    shares = [Decimal(weight) for weight in weights]
    assert texts(Money.of(amount, currency).split(shares)) == parts


@given(rounded, weights)
@example(Money.of("-0.01", "CNY"), [Decimal(1), Decimal(1)])
def test_no_unit_of_a_split_is_lost_or_moved_far(whole: Money, weights: list[Decimal]) -> None:
    parts = whole.split(weights)
    unit, total = Fraction(1, 10 ** minor_digits(whole.currency)), sum(map(Fraction, weights))
    assert sum(parts, Money.zero(whole.currency)) == whole
    assert len(parts) == len(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert part.is_rounded
        fair = Fraction(whole.amount) * Fraction(weight) / total
        assert abs(Fraction(part.amount) - fair) < unit
        assert weight or not part


@given(rounded, weights)
def test_a_negative_amount_splits_as_the_mirror_image(whole: Money, weights: list[Decimal]) -> None:
    assert (-whole).split(weights) == [-part for part in whole.split(weights)]


@given(rounded, weights, st.integers(1, 1000))
def test_only_the_proportion_of_the_weights_counts(
    whole: Money, weights: list[Decimal], times: int
) -> None:
    assert whole.split([weight * times for weight in weights]) == whole.split(weights)


@given(rounded, st.decimals("0.000001", 1000, places=6), st.integers(1, 20))
def test_equal_weights_are_served_in_the_given_order(
    whole: Money, weight: Decimal, count: int
) -> None:
    sizes = [abs(part.amount) for part in whole.split([weight] * count)]
    assert sizes == sorted(sizes, reverse=True)
    assert Fraction(sizes[0] - sizes[-1]) <= Fraction(1, 10 ** minor_digits(whole.currency))


@given(rounded, weights)
def test_a_left_over_unit_goes_to_a_larger_remainder_first(
    whole: Money, weights: list[Decimal]
) -> None:
    units = abs(int(whole.amount.scaleb(minor_digits(whole.currency))))
    total = sum(map(Fraction, weights))
    extra, remainder = [], []
    for part, weight in zip(whole.split(weights), weights, strict=True):
        fair = units * Fraction(weight) / total
        extra.append(abs(int(part.amount.scaleb(minor_digits(whole.currency)))) - int(fair))
        remainder.append(fair - int(fair))
    order = sorted(range(len(weights)), key=lambda place: (-remainder[place], place))
    served = [extra[place] for place in order]
    assert served == sorted(served, reverse=True)
    assert set(served) <= {0, 1}


@pytest.mark.parametrize("weights", [[], ["0"], ["0", "0"], ["1", "-1"], ["-1"], ["2", "-1"]])
def test_there_must_be_something_to_split_by(weights: list[str]) -> None:
    with pytest.raises(NothingToSplitBy):
        cny("1.00").split([Decimal(weight) for weight in weights])


def test_only_a_rounded_amount_can_be_split() -> None:
    with pytest.raises(UnroundedAmount, match=r"1\.005 CNY"):
        cny("1.005").split([Decimal(1)])
