"""Plain exact arithmetic: rounding to minor units, splitting by shares, a share of a target."""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction

_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Currencies that do not have two decimals, by ISO 4217."""

_LONG = Context(prec=1000)


def minor_digits(currency: str) -> int:
    """Return the decimals of a currency."""
    return _DIGITS.get(currency, 2)


def rounded(value: Fraction, digits: int, rule: str) -> Decimal:
    """Return a number with so many decimals; ``rule`` is half_up (from zero) or half_even."""
    scaled = abs(value) * 10**digits
    whole, rest = scaled.numerator // scaled.denominator, scaled % 1
    half = Fraction(1, 2)
    if rest > half or (rest == half and (rule == "half_up" or whole % 2 == 1)):
        whole += 1
    sign = -1 if value < 0 else 1
    return _shifted(sign * whole, digits)


def share_of(part: Decimal, whole: Decimal | None) -> Decimal | None:
    """Return a share with six decimals, half-even; None where there is nothing to share."""
    if not whole:
        return None
    return rounded(Fraction(part) / Fraction(whole), 6, "half_even")


def apportioned(value: Decimal, weights: Sequence[Decimal], digits: int) -> list[Decimal]:
    """Return the parts of a number by weight, by largest remainder in their order.

    A negative number is the mirror image of the positive one.
    """
    total = sum((Fraction(weight) for weight in weights), Fraction(0))
    units = Fraction(abs(value)) * 10**digits
    exact = [units * Fraction(weight) / total for weight in weights]
    parts = [part.numerator // part.denominator for part in exact]
    left = int(units) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[:left]:
        parts[place] += 1
    sign = -1 if value < 0 else 1
    return [_shifted(sign * part, digits) for part in parts]


def _shifted(units: int, digits: int) -> Decimal:
    return Decimal(units).scaleb(-digits, context=_LONG)
