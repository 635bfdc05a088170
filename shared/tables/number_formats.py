"""How a workbook writes numbers: which number formats are dates, and what a number then means."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Final

from shared.tables.package import Attributes

DIGITS: Final = 15
"""As many digits as Excel keeps. What stands behind them in a file is noise of binary floats."""
EXPONENT_MAX: Final = 30
_BUILT_IN_DATES: Final = frozenset((*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)))
_NOT_CODE: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_ELAPSED: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_DAY_LETTERS: Final = re.compile(r"[ymdhs年月日]", re.IGNORECASE)
_FIRST_1900: Final = date(1899, 12, 30)
_FIRST_1904: Final = date(1904, 1, 1)
_DAY_SECONDS: Final = 86_400
_SERIAL_MAX: Final = 2_958_466  # the day after 9999-12-31
_ROUNDED: Final = Context(prec=DIGITS)


def is_date_format(code: str) -> bool:
    """Tell whether a number format shows a day or a moment; an elapsed time is neither."""
    if _ELAPSED.search(code):
        return False
    return (
        bool(_DAY_LETTERS.search(_NOT_CODE.sub("", code.split(";", maxsplit=1)[0])))
        and code != "General"
    )


def date_styles(elements: Iterable[tuple[str, Attributes]]) -> frozenset[str]:
    """Return the numbers of the cell styles that show dates, of the elements of ``styles.xml``."""
    codes: dict[str, str] = {}
    found: set[str] = set()
    within, place = False, 0
    for name, attributes in elements:
        if name == "numFmt":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name in {"cellXfs", "cellStyles", "dxfs"}:
            within = name == "cellXfs"
        elif name == "xf" and within:
            number = attributes.get("numFmtId", "0")
            built_in = number.isdecimal() and int(number[:5]) in _BUILT_IN_DATES
            if is_date_format(codes[number]) if number in codes else built_in:
                found.add(str(place))
            place += 1
    return frozenset(found)


def moment_of(serial: str, *, from_1904: bool = False) -> date | datetime | None:
    """Return the day that a serial number of Excel means, with its time where it has one.

    None for what is no such number. 1900 was no leap year, but Excel counts its 29 February: up to
    number 60 the days are one further.
    """
    try:
        number = Decimal(serial)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 1 <= number < _SERIAL_MAX:
        return None
    days = int(number)
    seconds = int(((number - days) * _DAY_SECONDS).to_integral_value())
    if from_1904:
        day = _FIRST_1904 + timedelta(days=days)
    else:
        day = _FIRST_1900 + timedelta(days=days if days > 60 else days + 1)
    if seconds == 0:
        return day
    return datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001


def plain_number(text: str) -> str:
    """Return a number of a file without exponent and without the noise of binary floats.

    ``1.1000000000000001`` is how Excel writes 1.1; of a fraction 15 digits are kept. A whole number
    keeps all of its digits.
    """
    if len(text) <= DIGITS and text.isdecimal():
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite() or abs(number.adjusted()) > EXPONENT_MAX:
        return text
    if number == number.to_integral_value():
        return format(number.to_integral_value(), "f")
    if len(number.as_tuple().digits) > DIGITS:
        number = _ROUNDED.plus(number).normalize()
    return format(number, "f")
