"""Periods and the fiscal calendar: nothing is left out, nothing counts twice."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.period import (
    YEAR_MAX,
    YEAR_MIN,
    FiscalCalendar,
    NamedBy,
    Pattern,
    Period,
    PeriodEmpty,
    PeriodKind,
    PeriodUnknown,
)

days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
kinds = st.sampled_from(PeriodKind)
calendars = st.builds(
    FiscalCalendar, st.integers(1, 12), st.sampled_from(Pattern), st.sampled_from(NamedBy)
)
periods = st.builds(
    lambda start, length: Period(start, start + timedelta(days=length)), days, st.integers(1, 800)
)
EVERY_CALENDAR = [
    FiscalCalendar(month, pattern, named_by)
    for month in range(1, 13)
    for pattern in Pattern
    for named_by in NamedBy
]
WEEKS = FiscalCalendar(1, Pattern.P445)


def period(start: str, end: str) -> Period:
    return Period(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("day", "counts"),
    [("2024-12-31", False), ("2025-01-01", True), ("2025-03-31", True), ("2025-04-01", False)],
)
def test_the_start_counts_and_the_end_does_not(day: str, *, counts: bool) -> None:
    quarter = period("2025-01-01", "2025-04-01")
    assert quarter.contains(date.fromisoformat(day)) is counts
    assert quarter.last == date(2025, 3, 31)
    assert quarter.days == 90
    assert str(quarter) == "2025-01-01/2025-04-01"


@pytest.mark.parametrize("end", ["2025-01-01", "2024-12-31"])
def test_a_period_holds_at_least_a_day(end: str) -> None:
    with pytest.raises(PeriodEmpty, match=f"{end} is not after 2025-01-01"):
        period("2025-01-01", end)


def test_a_moment_bounds_no_period() -> None:
    with pytest.raises(TypeError, match="moments"):
        Period(date(2025, 1, 1), datetime(2025, 2, 1))  # noqa: DTZ001 - refused for being a moment


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (("2025-01-01", "2025-04-01"), ("2025-03-01", "2025-05-01"), ("2025-03-01", "2025-04-01")),
        (("2025-01-01", "2025-04-01"), ("2025-02-01", "2025-03-01"), ("2025-02-01", "2025-03-01")),
        (("2025-01-01", "2025-04-01"), ("2025-04-01", "2025-05-01"), None),
        (("2025-01-01", "2025-02-01"), ("2025-06-01", "2025-07-01"), None),
    ],
)
def test_the_days_that_two_periods_share(
    first: tuple[str, str], second: tuple[str, str], both: tuple[str, str] | None
) -> None:
    shared = period(*both) if both else None
    assert period(*first).intersect(period(*second)) == shared


@given(periods, periods, days)
def test_a_day_is_in_the_intersection_when_it_is_in_both(
    first: Period, second: Period, day: date
) -> None:
    shared = first.intersect(second)
    assert shared == second.intersect(first)
    assert (shared is not None and shared.contains(day)) == (
        first.contains(day) and second.contains(day)
    )


@pytest.mark.parametrize(
    ("calendar", "name", "start", "end"),
    [
        (FiscalCalendar(), "2017", "2017-01-01", "2018-01-01"),
        (FiscalCalendar(), "2017-H1", "2017-01-01", "2017-07-01"),
        (FiscalCalendar(), "2017-Q2", "2017-04-01", "2017-07-01"),
        (FiscalCalendar(), "2017-M05", "2017-05-01", "2017-06-01"),
        (FiscalCalendar(), "2024-M02", "2024-02-01", "2024-03-01"),
        # January years are called the same either way
        (FiscalCalendar(named_by=NamedBy.END), "2017", "2017-01-01", "2018-01-01"),
        # April to March: fiscal 2017 starts, or ends, in 2017
        (FiscalCalendar(4), "2017", "2017-04-01", "2018-04-01"),
        (FiscalCalendar(4, named_by=NamedBy.END), "2017", "2016-04-01", "2017-04-01"),
        (FiscalCalendar(4, named_by=NamedBy.END), "2017-Q4", "2017-01-01", "2017-04-01"),
        (FiscalCalendar(4), "2017-M12", "2018-03-01", "2018-04-01"),
        (FiscalCalendar(12), "2017-M02", "2018-01-01", "2018-02-01"),
        # 4-4-5: 1 January 2018 was a Monday; Q1 is 4 + 4 + 5 weeks
        (WEEKS, "2018", "2018-01-01", "2018-12-31"),
        (WEEKS, "2018-M01", "2018-01-01", "2018-01-29"),
        (WEEKS, "2018-M02", "2018-01-29", "2018-02-26"),
        (WEEKS, "2018-M03", "2018-02-26", "2018-04-02"),
        (WEEKS, "2018-Q2", "2018-04-02", "2018-07-02"),
        # 1 January 2020 was a Wednesday, 2021 a Friday: from 30 December to 4 January, 53 weeks
        (WEEKS, "2020", "2019-12-30", "2021-01-04"),
        (WEEKS, "2020-Q4", "2020-09-28", "2021-01-04"),
        (WEEKS, "2020-M12", "2020-11-23", "2021-01-04"),
        # a Thursday goes back three days, a Friday forward three
        (WEEKS, "2026", "2025-12-29", "2027-01-04"),
        (FiscalCalendar(2, Pattern.P445, NamedBy.END), "2018", "2017-01-30", "2018-01-29"),
    ],
)
def test_a_name_means_these_days(calendar: FiscalCalendar, name: str, start: str, end: str) -> None:
    named = calendar.named(name)
    assert named.period == period(start, end)
    assert named.name == name
    assert calendar.holding(named.kind, named.period.start) == named
    assert calendar.holding(named.kind, named.period.last) == named


@pytest.mark.parametrize(
    ("calendar", "day", "names"),
    [
        (FiscalCalendar(), "2017-05-31", ("2017", "2017-H1", "2017-Q2", "2017-M05")),
        (FiscalCalendar(4), "2017-03-31", ("2016", "2016-H2", "2016-Q4", "2016-M12")),
        (FiscalCalendar(4), "2017-04-01", ("2017", "2017-H1", "2017-Q1", "2017-M01")),
        (
            FiscalCalendar(10, named_by=NamedBy.END),
            "2016-10-01",
            ("2017", "2017-H1", "2017-Q1", "2017-M01"),
        ),
        # the 53rd week of 2020
        (WEEKS, "2021-01-03", ("2020", "2020-H2", "2020-Q4", "2020-M12")),
        (WEEKS, "2021-01-04", ("2021", "2021-H1", "2021-Q1", "2021-M01")),
        (WEEKS, "2019-12-30", ("2020", "2020-H1", "2020-Q1", "2020-M01")),
    ],
)
def test_a_day_is_in_one_period_of_each_kind(
    calendar: FiscalCalendar, day: str, names: tuple[str, str, str, str]
) -> None:
    when = date.fromisoformat(day)
    found = (calendar.year(when), calendar.half(when), calendar.quarter(when), calendar.month(when))
    assert tuple(each.name for each in found) == names
    assert [each.kind for each in found] == list(PeriodKind)


@pytest.mark.parametrize("calendar", EVERY_CALENDAR)
@pytest.mark.parametrize("kind", PeriodKind)
def test_periods_tile_the_years_without_gap_or_overlap(
    calendar: FiscalCalendar, kind: PeriodKind
) -> None:
    for year in range(1995, 2030):
        whole = calendar.named(str(year))
        parts = calendar.parts(whole, kind)
        assert parts[0].period.start == whole.period.start
        assert parts[-1].period.end == whole.period.end
        for earlier, later in pairwise(parts):
            assert earlier.period.end == later.period.start
            assert calendar.next(earlier) == later
        assert calendar.next(whole).period.start == whole.period.end


@pytest.mark.parametrize("month", range(1, 13))
def test_a_year_of_weeks_keeps_its_shape(month: int) -> None:
    calendar = FiscalCalendar(month, Pattern.P445)
    lengths = set()
    for year in range(1950, 2100):
        whole = calendar.named(str(year))
        weeks = [part.period.days // 7 for part in calendar.parts(whole, PeriodKind.MONTH)]
        lengths.add(whole.period.days)
        assert whole.period.start.weekday() == 0
        assert abs((whole.period.start - date(year, month, 1)).days) <= 3
        assert weeks[:11] == [4, 4, 5, 4, 4, 5, 4, 4, 5, 4, 4]
        assert weeks[11] == (5 if whole.period.days == 364 else 6)
    assert lengths == {364, 371}


@given(calendars, kinds, days)
def test_the_period_that_holds_a_day_contains_it(
    calendar: FiscalCalendar, kind: PeriodKind, day: date
) -> None:
    assert calendar.holding(kind, day).period.contains(day)


@given(calendars, kinds, days)
def test_a_name_leads_back_to_its_period(
    calendar: FiscalCalendar, kind: PeriodKind, day: date
) -> None:
    named = calendar.holding(kind, day)
    assert calendar.named(named.name) == named
    assert named.kind is kind


@given(calendars, kinds, days)
def test_next_and_previous_undo_each_other(
    calendar: FiscalCalendar, kind: PeriodKind, day: date
) -> None:
    named = calendar.holding(kind, day)
    later, earlier = calendar.next(named), calendar.previous(named)
    assert calendar.previous(later) == named == calendar.next(earlier)
    assert later.period.start == named.period.end
    assert earlier.period.end == named.period.start


@given(calendars, days)
def test_the_kinds_nest(calendar: FiscalCalendar, day: date) -> None:
    month, quarter = calendar.month(day), calendar.quarter(day)
    half, year = calendar.half(day), calendar.year(day)
    assert month in calendar.parts(quarter, PeriodKind.MONTH)
    assert quarter in calendar.parts(half, PeriodKind.QUARTER)
    assert half in calendar.parts(year, PeriodKind.HALF)
    assert calendar.parts(year, PeriodKind.YEAR) == (year,)


@given(st.integers(1, 12), st.sampled_from(NamedBy), days)
def test_a_year_is_called_after_the_year_that_it_starts_or_ends_in(
    month: int, named_by: NamedBy, day: date
) -> None:
    year = FiscalCalendar(month, named_by=named_by).year(day)
    bound = year.period.start if named_by is NamedBy.START else year.period.last
    assert year.name == str(bound.year)


@pytest.mark.parametrize(
    "name",
    [
        *("", "17", "2017-", "2017-H0", "2017-H3", "2017-Q0", "2017-Q5", "2017-M00", "2017-M13"),
        *(
            "2017-M5",
            "2017-q2",
            "2017Q2",
            "2017-W01",
            " 2017",
            "2017\n",
            "２０１３",
            "2017-Q٢",
            "年",
        ),
        *(str(YEAR_MIN - 1), str(YEAR_MAX + 1), "0000"),
    ],
)
def test_a_name_that_no_period_has_is_refused(name: str) -> None:
    with pytest.raises(PeriodUnknown, match="1800 and 2299"):
        FiscalCalendar().named(name)


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("day", [date.min, date(1700, 1, 1), date(2400, 1, 1), date.max])
def test_a_day_far_outside_is_refused(pattern: Pattern, day: date) -> None:
    with pytest.raises(PeriodUnknown):
        FiscalCalendar(4, pattern).quarter(day)


def test_the_calendar_ends_where_it_says() -> None:
    calendar = FiscalCalendar(4)
    with pytest.raises(PeriodUnknown):
        calendar.previous(calendar.named(f"{YEAR_MIN}-Q1"))
    with pytest.raises(PeriodUnknown):
        calendar.next(calendar.named(f"{YEAR_MAX}-M12"))


def test_a_period_of_another_calendar_is_a_mistake() -> None:
    quarter = FiscalCalendar(4).named("2017-Q2")
    for use in (FiscalCalendar().next, FiscalCalendar().previous):
        with pytest.raises(ValueError, match="another fiscal calendar"):
            use(quarter)


def test_a_period_is_not_made_of_longer_ones() -> None:
    calendar = FiscalCalendar()
    with pytest.raises(ValueError, match="not made of"):
        calendar.parts(calendar.named("2017-Q2"), PeriodKind.YEAR)


@pytest.mark.parametrize("month", [0, 13, -1])
def test_a_year_starts_in_one_of_twelve_months(month: int) -> None:
    with pytest.raises(ValueError, match="month 1 to 12"):
        FiscalCalendar(month)
