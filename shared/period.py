"""Half-open periods, and the fiscal calendar that names them."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from shared.errors import Invalid

YEAR_MIN: Final = 1800
YEAR_MAX: Final = 2299
_NAME: Final = re.compile(r"([0-9]{4})(?:-(H[12]|Q[1-4]|M0[1-9]|M1[0-2]))?")


class PeriodEmpty(Invalid):
    """A period that holds no day."""

    en = "A period ends after it starts, and {end} is not after {start}. Its end day is left out."
    zh = "期间的结束日必须晚于开始日：{end} 不晚于 {start}。结束日当天不计入期间。"


class PeriodUnknown(Invalid):
    """A name that no period of the fiscal calendar has."""

    en = "No such fiscal period between {first} and {last}. Use 2017, 2017-H1, 2017-Q2 or 2017-M05."
    zh = "{first} 至 {last} 年间没有这样的财务期间，请使用 2017、2017-H1、2017-Q2 或 2017-M05。"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days from `start` up to, and without, `end`. Raises PeriodEmpty unless end > start."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if isinstance(self.start, datetime) or isinstance(self.end, datetime):
            raise TypeError("a period is bounded by days, not by moments")
        if self.end <= self.start:
            raise PeriodEmpty(start=self.start, end=self.end)

    @property
    def days(self) -> int:
        """How many days it holds; at least one."""
        return (self.end - self.start).days

    @property
    def last(self) -> date:
        """The last day that still counts, for people to read."""
        return self.end - timedelta(days=1)

    def contains(self, day: date) -> bool:
        """Whether that day counts: the start does, the end does not."""
        return self.start <= day < self.end

    def intersect(self, other: "Period") -> "Period | None":
        """The days that both hold, None when there are none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    def __str__(self) -> str:
        return f"{self.start}/{self.end}"


class PeriodKind(StrEnum):
    """The lengths in which a fiscal year is told."""

    YEAR = "year"
    HALF = "half"
    QUARTER = "quarter"
    MONTH = "month"


class Pattern(StrEnum):
    """How the fiscal year is cut into months."""

    MONTHS = "months"  # calendar months
    P445 = "4-4-5"  # weeks from Monday; the year starts on the Monday nearest its first day


class NamedBy(StrEnum):
    """Whether a fiscal year is called after the calendar year it starts in or ends in."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class NamedPeriod:
    """A period of the fiscal calendar, named "2017", "2017-H1", "2017-Q2" or "2017-M05"."""

    kind: PeriodKind
    name: str
    period: Period


_MONTHS_IN: Final = {
    PeriodKind.YEAR: 12,
    PeriodKind.HALF: 6,
    PeriodKind.QUARTER: 3,
    PeriodKind.MONTH: 1,
}
_KIND_OF_LETTER: Final = {
    "H": PeriodKind.HALF,
    "Q": PeriodKind.QUARTER,
    "M": PeriodKind.MONTH,
}
# Weeks before each month of a 4-4-5 year. A 53rd week is at the end, so it falls to month 12.
_WEEKS_BEFORE: Final = (0, 4, 8, 13, 17, 21, 26, 30, 34, 39, 43, 47)


@dataclass(frozen=True, slots=True)
class FiscalCalendar:
    """The enterprise's year: the month it starts in, how it is cut, how it is called.

    Covers the fiscal years YEAR_MIN to YEAR_MAX; beyond them PeriodUnknown is raised.
    """

    start_month: int = 1
    pattern: Pattern = Pattern.MONTHS
    named_by: NamedBy = NamedBy.START

    def __post_init__(self) -> None:
        if not 1 <= self.start_month <= 12:
            raise ValueError(f"a year starts in month 1 to 12, not {self.start_month}")

    def year(self, day: date) -> NamedPeriod:
        """The fiscal year that holds the day."""
        return self.holding(PeriodKind.YEAR, day)

    def half(self, day: date) -> NamedPeriod:
        """The half-year that holds the day."""
        return self.holding(PeriodKind.HALF, day)

    def quarter(self, day: date) -> NamedPeriod:
        """The quarter that holds the day."""
        return self.holding(PeriodKind.QUARTER, day)

    def month(self, day: date) -> NamedPeriod:
        """The fiscal month that holds the day."""
        return self.holding(PeriodKind.MONTH, day)

    def holding(self, kind: PeriodKind, day: date) -> NamedPeriod:
        """The period of that kind that holds the day."""
        year, month = self._place(day)
        return _named_period(self, kind, year, month // _MONTHS_IN[kind])

    def named(self, name: str) -> NamedPeriod:
        """The period with that name. Raises PeriodUnknown."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise _unknown()
        year, part = int(match[1]), match[2]
        if part is None:
            return _named_period(self, PeriodKind.YEAR, year, 0)
        return _named_period(self, _KIND_OF_LETTER[part[0]], year, int(part[1:]) - 1)

    def next(self, named: NamedPeriod) -> NamedPeriod:
        """The period of the same kind that starts where this one ends."""
        return self._moved(named, 1)

    def previous(self, named: NamedPeriod) -> NamedPeriod:
        """The period of the same kind that ends where this one starts."""
        return self._moved(named, -1)

    def parts(self, named: NamedPeriod, kind: PeriodKind) -> tuple[NamedPeriod, ...]:
        """The periods of a kind that make up this one, in order; itself for its own kind.

        Raises ValueError when the kind is longer than the period.
        """
        count, rest = divmod(_MONTHS_IN[named.kind], _MONTHS_IN[kind])
        if rest:
            raise ValueError(f"a {named.kind} is not made of {kind}s")
        year, ordinal = self._ordinal(named)
        first = ordinal * count
        return tuple(_named_period(self, kind, year, first + index) for index in range(count))

    def _moved(self, named: NamedPeriod, step: int) -> NamedPeriod:
        year, ordinal = self._ordinal(named)
        per_year = 12 // _MONTHS_IN[named.kind]
        return _named_period(self, named.kind, *divmod(year * per_year + ordinal + step, per_year))

    def _ordinal(self, named: NamedPeriod) -> tuple[int, int]:
        """Year name and place in it, from 0. A period of another calendar is a mistake."""
        if self.named(named.name) != named:
            raise ValueError(f"{named.name} is a period of another fiscal calendar")
        return int(named.name[:4]), int(named.name[6:] or 1) - 1

    def _place(self, day: date) -> tuple[int, int]:
        """Name of the fiscal year that holds the day, and the month in it, from 0."""
        if not YEAR_MIN - 1 <= day.year <= YEAR_MAX + 1:
            raise _unknown()
        if self.pattern is Pattern.MONTHS:
            years, month = divmod(day.year * 12 + day.month - self.start_month, 12)
            return years + self._name_offset(), month
        # The Monday nearest the first of a month is at most three days away from it.
        year = day.year + 1
        while _first_monday(year, self.start_month) > day:
            year -= 1
        weeks = (day - _first_monday(year, self.start_month)).days // 7
        month = max(index for index, before in enumerate(_WEEKS_BEFORE) if before <= weeks)
        return year + self._name_offset(), month

    def _name_offset(self) -> int:
        """Years from the calendar year of the nominal start to the name of the fiscal year."""
        return 1 if self.named_by is NamedBy.END and self.start_month > 1 else 0

    def month_start(self, year: int, month: int) -> date:
        """First day of month 0 to 12 of the fiscal year of that name; 12 is the next year's."""
        start_year = year - self._name_offset() + month // 12
        month %= 12
        if self.pattern is Pattern.P445:
            weeks = timedelta(weeks=_WEEKS_BEFORE[month])
            return _first_monday(start_year, self.start_month) + weeks
        years, index = divmod(self.start_month - 1 + month, 12)
        return date(start_year + years, index + 1, 1)


@lru_cache(maxsize=8192)
def _named_period(
    calendar: FiscalCalendar, kind: PeriodKind, year: int, ordinal: int
) -> NamedPeriod:
    """Period number `ordinal` (from 0) of its kind in the fiscal year of that name."""
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise _unknown()
    months = _MONTHS_IN[kind]
    period = Period(
        calendar.month_start(year, ordinal * months),
        calendar.month_start(year, (ordinal + 1) * months),
    )
    return NamedPeriod(kind, _name(kind, year, ordinal + 1), period)


def _name(kind: PeriodKind, year: int, number: int) -> str:
    match kind:
        case PeriodKind.YEAR:
            return f"{year}"
        case PeriodKind.HALF:
            return f"{year}-H{number}"
        case PeriodKind.QUARTER:
            return f"{year}-Q{number}"
        case PeriodKind.MONTH:
            return f"{year}-M{number:02}"


def _first_monday(year: int, month: int) -> date:
    """The Monday nearest the first of the month; seven days leave no tie."""
    first = date(year, month, 1)
    weekday = first.weekday()
    return first - timedelta(days=weekday if weekday <= 3 else weekday - 7)


def _unknown() -> PeriodUnknown:
    return PeriodUnknown(first=YEAR_MIN, last=YEAR_MAX)
