"""Money: an exact amount and its currency. Nothing here rounds unless it is asked to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from shared.currencies import MINOR_DIGITS
from shared.errors import Invalid
from shared.ratio import EXACT, Ratio, exact, plain, quantized


class UnknownCurrency(Invalid):
    """Not a currency of ISO 4217."""

    en = "{currency} is not a currency code of ISO 4217. Send one such as CNY."
    zh = "{currency} 不是 ISO 4217 货币代码，请使用例如 CNY 的代码。"


class CurrencyMismatch(Invalid):
    """Two currencies met where only one can be."""

    en = "An amount in {left} and one in {right} cannot be combined. Convert one of them first."
    zh = "{left} 金额与 {right} 金额不能直接合并，请先换算其中之一。"


class UnroundedAmount(Invalid):
    """Only a payable amount can be split."""

    en = "{amount} {currency} is finer than the currency allows. Round it before splitting it."
    zh = "{amount} {currency} 的小数位超过该货币允许的位数，请先取整再拆分。"


class NothingToSplitBy(Invalid):
    """The weights of a split must be zero or more, and one of them more than zero."""

    en = "Weights must not be negative and at least one must be above zero."
    zh = "权重不能为负，且至少有一个大于零。"


class Rounding(StrEnum):
    """What happens to an amount halfway between two minor units."""

    HALF_UP = "half_up"  # away from zero
    HALF_EVEN = "half_even"  # to the even neighbour


_DECIMAL_ROUNDING: Final = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
}


def minor_digits(currency: str) -> int:
    """Decimals of the currency (CNY 2, JPY 0, KWD 3). Raises UnknownCurrency."""
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise UnknownCurrency(currency=currency)
    return digits


@dataclass(frozen=True, slots=True, repr=False)
class Money:
    """An amount in one currency, exact; finer than the minor unit only inside a calculation.

    Adding or ordering two currencies raises CurrencyMismatch; amounts in two currencies are never
    equal. Products are exact however long they get.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not Decimal or not self.amount.is_finite():
            raise TypeError("the amount of Money is a finite Decimal; use Money.of for text")
        minor_digits(self.currency)

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> "Money":
        """Money.of("1200.00", "CNY"). Raises NotADecimal, UnknownCurrency; TypeError for floats."""
        return cls(exact(amount), currency)

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """Nothing, in that currency."""
        return cls(Decimal(0), currency)

    def rounded(self, rounding: Rounding = Rounding.HALF_UP) -> "Money":
        """To the currency's minor unit."""
        digits = minor_digits(self.currency)
        return Money(quantized(self.amount, digits, _DECIMAL_ROUNDING[rounding]), self.currency)

    @property
    def is_rounded(self) -> bool:
        """Whether rounding would leave the value as it is."""
        return self.rounded().amount == self.amount

    @property
    def text(self) -> str:
        """The amount as the wire carries it: all decimals of the currency, more only if needed."""
        text = plain(self.amount)
        if len(text.partition(".")[2]) == minor_digits(self.currency):
            return text
        rounded = self.rounded().amount
        return plain(rounded) if rounded == self.amount else text.rstrip("0")

    def over(self, whole: "Money", digits: int = 6) -> Ratio | None:
        """This amount as a share of `whole` (half-even); None when `whole` is zero."""
        self._same_currency(whole)
        return Ratio.of(self.amount, whole.amount, digits)

    def split(self, weights: Sequence[Decimal]) -> list["Money"]:
        """Parts in proportion to the weights, in their order, that sum to the whole exactly.

        By largest remainder in minor units; equal remainders are served in the given order, and a
        negative amount is the mirror image: 100.00 by 1:1:1 is 33.34 + 33.33 + 33.33. Weights need
        not sum to one. Raises UnroundedAmount, NothingToSplitBy.
        """
        if not self.is_rounded:
            raise UnroundedAmount(amount=plain(self.amount), currency=self.currency)
        parts = apportioned(self.amount, weights, minor_digits(self.currency))
        return [Money(part, self.currency) for part in parts]

    def __add__(self, other: "Money") -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return Money(EXACT.add(self.amount, other.amount), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return Money(EXACT.subtract(self.amount, other.amount), self.currency)

    def __mul__(self, factor: Decimal | int | Ratio) -> "Money":
        if isinstance(factor, Ratio):
            factor = factor.value
        if not isinstance(factor, Decimal | int):
            return NotImplemented
        return Money(EXACT.multiply(self.amount, exact(factor)), self.currency)

    def __rmul__(self, factor: Decimal | int | Ratio) -> "Money":
        return self * factor

    def __neg__(self) -> "Money":
        return Money(EXACT.minus(self.amount), self.currency)

    def __abs__(self) -> "Money":
        return Money(self.amount.copy_abs(), self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.amount <= other.amount

    def __gt__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.amount > other.amount

    def __ge__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.amount >= other.amount

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def __repr__(self) -> str:
        return f"Money({plain(self.amount)!r}, {self.currency!r})"

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(left=self.currency, right=other.currency)


def apportioned(value: Decimal, weights: Sequence[Decimal], digits: int) -> list[Decimal]:
    """A number of at most `digits` decimals in parts of as many, that sum to it exactly.

    The rule is the one of Money.split. Raises NothingToSplitBy.
    """
    if len(weights) == 1 and weights[0] > 0:
        return [value]
    units = int(value.scaleb(digits, context=EXACT))
    sign = -1 if units < 0 else 1
    return [
        Decimal(sign * part).scaleb(-digits, context=EXACT)
        for part in _largest_remainder(abs(units), _whole_weights(weights))
    ]


def _whole_weights(weights: Sequence[Decimal]) -> list[int]:
    """The weights as integers in the same proportion, so that no division is ever inexact."""
    fractions = [exact(weight).as_integer_ratio() for weight in weights]
    if not any(above > 0 for above, _ in fractions) or any(above < 0 for above, _ in fractions):
        raise NothingToSplitBy
    common = math.lcm(*(below for _, below in fractions))
    return [above * (common // below) for above, below in fractions]


def _largest_remainder(units: int, weights: list[int]) -> list[int]:
    """`units` (≥ 0) dealt out by weight; the units left over go to the largest remainders."""
    total = sum(weights)
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(units * weight, total)
        parts.append(part)
        remainders.append(remainder)
    in_turn = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    for place in in_turn[: units - sum(parts)]:
        parts[place] += 1
    return parts


def figure(value: Decimal, currency: str) -> str:
    """A figure as the wire carries it: money with its currency's decimals, else a plain number.

    `currency` is empty for figures that are no money: 12.500000 units are "12.5".
    """
    if currency:
        return Money(value, currency).text
    text = plain(value)
    return text.rstrip("0").rstrip(".") if "." in text else text
