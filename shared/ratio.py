"""Shares of one, and the exact arithmetic under money and ratios."""

import re
from dataclasses import dataclass
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Final

from shared.errors import Invalid

# The default context silently rounds at 28 digits. This one has room for any chain of products
# that occurs here and raises Inexact rather than lose a digit.
EXACT: Final = Context(prec=1000, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_ROUNDING: Final = Context(prec=1000, traps=[InvalidOperation, DivisionByZero, Overflow])
_PLAIN: Final = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?")
_HUNDRED: Final = Decimal(100)


class NotADecimal(Invalid):
    """Text that is not a plain decimal number."""

    en = "This is not a plain decimal number. Send one such as 1200.00."
    zh = "这不是普通的十进制数，请使用例如 1200.00 的写法。"


def exact(value: Decimal | int | str) -> Decimal:
    """The finite decimal that `value` is. Text must be plain (no exponent, no separators).

    Raises NotADecimal for other text and for NaN or infinity, TypeError for floats, whose value
    is already not what was written.
    """
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise NotADecimal
        return value
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) is None:
            raise NotADecimal
        return Decimal(value)
    if type(value) is int:  # a bool is not a number
        return Decimal(value)
    raise TypeError(f"an exact number is a Decimal, int or str, not {type(value).__name__}")


def plain(value: Decimal) -> str:
    """The number without exponent, and zero without a sign: "1200.00", "0.000001", "0"."""
    return format(value or value.copy_abs(), "f")


def quantized(value: Decimal, digits: int, rounding: str) -> Decimal:
    """`value` with exactly `digits` decimals, rounded once as `decimal` names the rounding."""
    rounded = value.quantize(Decimal((0, (1,), -digits)), rounding=rounding, context=_ROUNDING)
    return rounded or rounded.copy_abs()


@dataclass(frozen=True, slots=True, order=True, init=False, repr=False)
class Ratio:
    """A share of one: 8 % is Ratio("0.08"). May be negative (growth) or above one (attainment)."""

    value: Decimal

    def __init__(self, value: Decimal | int | str) -> None:
        object.__setattr__(self, "value", exact(value))

    @classmethod
    def of(
        cls, numerator: Decimal | int, denominator: Decimal | int, digits: int = 6
    ) -> "Ratio | None":
        """The quotient to `digits` decimals, half-even; None when dividing by zero."""
        above, below = exact(numerator).as_integer_ratio(), exact(denominator).as_integer_ratio()
        dividend, divisor = above[0] * below[1] * 10**digits, above[1] * below[0]
        if divisor == 0:
            return None
        if divisor < 0:
            dividend, divisor = -dividend, -divisor
        quotient, rest = divmod(dividend, divisor)
        if 2 * rest > divisor or (2 * rest == divisor and quotient % 2):
            quotient += 1
        return cls(Decimal(quotient).scaleb(-digits, context=EXACT))

    def percent(self, digits: int = 2) -> str:
        """For people: "8.00%", rounded half-up to `digits` decimals."""
        hundredths = EXACT.multiply(self.value, _HUNDRED)
        return plain(quantized(hundredths, digits, ROUND_HALF_UP)) + "%"

    def __add__(self, other: "Ratio") -> "Ratio":
        if not isinstance(other, Ratio):
            return NotImplemented
        return Ratio(EXACT.add(self.value, other.value))

    def __sub__(self, other: "Ratio") -> "Ratio":
        if not isinstance(other, Ratio):
            return NotImplemented
        return Ratio(EXACT.subtract(self.value, other.value))

    def __mul__(self, other: "Ratio | Decimal | int") -> "Ratio":
        if isinstance(other, Ratio):
            return Ratio(EXACT.multiply(self.value, other.value))
        if isinstance(other, Decimal | int):
            return Ratio(EXACT.multiply(self.value, exact(other)))
        return NotImplemented

    def __rmul__(self, other: Decimal | int) -> "Ratio":
        return self * other

    def __neg__(self) -> "Ratio":
        return Ratio(EXACT.minus(self.value))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __str__(self) -> str:
        return plain(self.value)

    def __repr__(self) -> str:
        return f"Ratio({plain(self.value)!r})"
