"""Fiscal quarters by plain month arithmetic."""

import re
from datetime import date
from typing import NamedTuple, Protocol

_NAME = re.compile(r"([0-9]{4})-Q([1-4])")


class FiscalCalendar(Protocol):
    """How the enterprise's year lies; the verifier takes nothing but these words from it."""

    @property
    def start_month(self) -> int:
        """Return the month in which the year starts, from 1."""

    @property
    def pattern(self) -> str:
        """Return how the year is cut; ``months`` is all that an installation can be set to."""

    @property
    def named_by(self) -> str:
        """Return ``start`` or ``end``: which calendar year gives the fiscal year its name."""


class Quarter(NamedTuple):
    """A fiscal quarter: from ``starts`` up to, and without, ``ends``."""

    name: str
    starts: date
    ends: date


class CalendarUnknown(Exception):
    """The year is cut in a way that the verifier has not learned."""


def quarter_of(calendar: FiscalCalendar, day: date) -> Quarter:
    """Return the quarter that holds a day."""
    if calendar.pattern != "months":
        raise CalendarUnknown(f"Years cut by {calendar.pattern} cannot be verified yet.")
    months_in = (day.month - calendar.start_month) % 12
    first_year = day.year if day.month >= calendar.start_month else day.year - 1
    return _quarter(calendar, first_year, months_in // 3)


def quarter_named(calendar: FiscalCalendar, name: str) -> Quarter | None:
    """Return the quarter of a name, None for a name of anything else."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return _quarter(calendar, int(match[1]) - _later(calendar), int(match[2]) - 1)


def _quarter(calendar: FiscalCalendar, first_year: int, place: int) -> Quarter:
    name = f"{first_year + _later(calendar):04}-Q{place + 1}"
    starts = _month(first_year, calendar.start_month + place * 3)
    return Quarter(name, starts, _month(first_year, calendar.start_month + place * 3 + 3))


def _later(calendar: FiscalCalendar) -> int:
    """Return by how many years the name is later than the calendar year of the first day."""
    return 1 if calendar.named_by == "end" and calendar.start_month > 1 else 0


def _month(year: int, month: int) -> date:
    """Return the first day of a month, which may be counted beyond December."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
