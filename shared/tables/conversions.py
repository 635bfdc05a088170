"""Named conversions of cells: data, so that a mapping profile can hold them.

Their order is fixed: trimmed, half width, blank words, value map, default, then the conversion to
a date, a number, a yes or no, or so many digits. Nothing is guessed: ``1,200`` and ``03/04/2025``
are refused until the profile says how they are meant.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from shared.errors import Invalid
from shared.tables.model import Cell
from shared.tables.number_formats import moment_of

Kind: TypeAlias = Literal["text", "decimal", "integer", "date", "boolean"]
DateFormat: TypeAlias = Literal[
    "YYYY-MM-DD",
    "YYYY/MM/DD",
    "YYYY.MM.DD",
    "YYYYMMDD",
    "DD/MM/YYYY",
    "MM/DD/YYYY",
    "DD-MM-YYYY",
    "MM-DD-YYYY",
    "D.M.YYYY",
    "YYYY年M月D日",
    "excel-1900",
    "excel-1904",
]
NumberFormat: TypeAlias = Literal["point", "comma"]

_SPACES: Final = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\ufeff"
_TIME: Final = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?"
_YEAR, _MONTH, _DAY = r"(?P<y>\d{4})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})"
_DATES: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        name: re.compile(pattern + _TIME, re.ASCII)
        for name, pattern in {
            "YYYY-MM-DD": rf"{_YEAR}-{_MONTH}-{_DAY}",
            "YYYY/MM/DD": rf"{_YEAR}/{_MONTH}/{_DAY}",
            "YYYY.MM.DD": rf"{_YEAR}\.{_MONTH}\.{_DAY}",
            "YYYYMMDD": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
            "DD/MM/YYYY": rf"{_DAY}/{_MONTH}/{_YEAR}",
            "MM/DD/YYYY": rf"{_MONTH}/{_DAY}/{_YEAR}",
            "DD-MM-YYYY": rf"{_DAY}-{_MONTH}-{_YEAR}",
            "MM-DD-YYYY": rf"{_MONTH}-{_DAY}-{_YEAR}",
            "D.M.YYYY": rf"{_DAY}\.{_MONTH}\.{_YEAR}",
            "YYYY年M月D日": rf"{_YEAR}年{_MONTH}月{_DAY}日",
        }.items()
    }
)
_PLAIN_DATES: Final = ("YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "YYYY年M月D日")
"""What begins with the year has one meaning only and needs no name."""
_PLAIN_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_GROUPED: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "point": re.compile(r"[+-]?(?:\d{1,3}(?:[, \u00a0\u202f']\d{3})+|\d+)(?:\.\d+)?", re.ASCII),
        "comma": re.compile(r"[+-]?(?:\d{1,3}(?:[. \u00a0\u202f']\d{3})+|\d+)(?:,\d+)?", re.ASCII),
    }
)
_MARKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"point": (".", ", \u00a0\u202f'"), "comma": (",", ". \u00a0\u202f'")}
)
NUMBER_LENGTH_MAX: Final = 60
_TRUE: Final = frozenset(("true", "t", "yes", "y", "1", "是", "真", "√"))
_FALSE: Final = frozenset(("false", "f", "no", "n", "0", "否", "假", "×"))
_WIDE_CONTEXT: Final = Context(prec=80)


class NotADate(Invalid):
    """The cell is no date of the named format, or of one that needs no name."""

    en = "This is no date of the format {format}."
    zh = "这不是 {format} 格式的日期。"


class NotANumber(Invalid):
    """The cell is no number of the named format, or no plain one."""

    en = "This is no number of the format {format}. A profile may name another one."
    zh = "这不是 {format} 格式的数字，可在映射方案中指定其他格式。"


class NotYesOrNo(Invalid):
    """The cell is neither of the words for yes and no."""

    en = "This is neither a yes nor a no. Write true or false, 是 or 否."
    zh = "无法识别为“是”或“否”，请填写 true 或 false、是 或 否。"


class ValueNotMapped(Invalid):
    """The value map does not know this value."""

    en = "The mapping profile says nothing about this value; it knows: {values}."
    zh = "映射方案未包含该值；已有：{values}。"


class DigitsTooMany(Invalid):
    """The cell holds more digits than the code has, or something else than digits."""

    en = "This is no code of at most {digits} digits."
    zh = "这不是最多 {digits} 位数字的代码。"


def trimmed(cell: Cell) -> Cell:
    """Return the cell without white space at its ends, None when nothing is left."""
    return cell.strip(_SPACES) or None if isinstance(cell, str) else cell


def to_half_width(text: str) -> str:
    """Return the text with full-width letters, digits, marks and spaces as plain ones.

    Only these: katakana and Chinese punctuation without a full-width twin stay as they are.
    """
    return "".join(
        unicodedata.normalize("NFKC", letter)
        if "\uff01" <= letter <= "\uff5e" or letter == "\u3000"
        else letter
        for letter in text
    )


def to_text(cell: Cell) -> str | None:
    """Return the cell as text; a day in ISO 8601."""
    if isinstance(cell, date | datetime):
        return cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
    return cell


def to_date(cell: Cell, form: DateFormat | None) -> str:
    """Return the day as ``YYYY-MM-DD``; a time of day behind it is left out.

    A cell that is a date in the file is that date whatever the format. Without a format only what
    begins with the year is taken. Raises NotADate.
    """
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    text = cell or ""
    if form is not None and form.startswith("excel"):
        moment = moment_of(text, from_1904=form == "excel-1904")
        if moment is not None:
            return moment.isoformat()[:10]
    # What begins with the year stays readable, so that a refused row can be sent again as CSV.
    for name in _PLAIN_DATES if form is None else (form, "YYYY-MM-DD"):
        if name in _DATES and (found := _DATES[name].fullmatch(text)):
            day = _day(found)
            if day is not None:
                return day
    raise NotADate(format=form or ", ".join(_PLAIN_DATES))


def _day(found: re.Match[str]) -> str | None:
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat()
    except ValueError:
        return None


def to_decimal(text: str, form: NumberFormat | None, decimals: int | None) -> str:
    """Return a number as a plain decimal, half-even to so many decimals where that is named.

    Without a format there is a point and no grouping. Raises NotANumber.
    """
    fits = _GROUPED[form] if form else _PLAIN_NUMBER
    if len(text) > NUMBER_LENGTH_MAX or not fits.fullmatch(text):
        raise NotANumber(format=form or "1200.00")
    if form:
        mark, groups = _MARKS[form]
        text = text.translate(dict.fromkeys(map(ord, groups))).replace(mark, ".")
    text = text.removeprefix("+")
    if decimals is not None:
        one = Decimal(1).scaleb(-decimals)
        number = Decimal(text).quantize(one, ROUND_HALF_EVEN, _WIDE_CONTEXT)
        text = format(number, "f")
    return text


def to_integer(text: str, form: NumberFormat | None) -> int:
    """Return a whole number; ``3.00`` is one. Raises NotANumber."""
    number = Decimal(to_decimal(text, form, None))
    if number != number.to_integral_value():
        raise NotANumber(format="3")
    return int(number)


def to_boolean(text: str) -> bool:
    """Return what a word for yes or no means; raises NotYesOrNo."""
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise NotYesOrNo


def to_digits(text: str, digits: int) -> str:
    """Return a code with the leading zeros that a spreadsheet took away; raises DigitsTooMany."""
    if not (text.isascii() and text.isdecimal()) or len(text) > digits:
        raise DigitsTooMany(digits=digits)
    return text.zfill(digits)
