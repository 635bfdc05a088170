"""What a rate table pays, worked out with fractions: exact until it is rounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from deploy.verify.arithmetic import rounded


class Tier(NamedTuple):
    """A row of a rate table; no end is without end."""

    start: Fraction
    end: Fraction | None
    rate: Fraction


@dataclass(frozen=True, slots=True)
class Table:
    """A rate table: ``mode`` marginal or whole, ``boundary`` from or to, ``bounds`` of what."""

    mode: str
    boundary: str
    bounds: str
    tiers: tuple[Tier, ...]


class Line(NamedTuple):
    """What one tier pays; its bounds are amounts."""

    tier: int
    start: Fraction
    end: Fraction | None
    rate: Fraction
    slice: Fraction
    exact: Fraction
    amount: Decimal


def table_of(said: Mapping[str, Any]) -> Table:
    """Return a rate table as a plan stores it; raises KeyError, TypeError or ValueError."""
    tiers = tuple(
        Tier(
            Fraction(tier["start"]),
            None if tier["end"] is None else Fraction(tier["end"]),
            Fraction(tier["rate"]["value"]),
        )
        for tier in said["tiers"]
    )
    return Table(said["mode"], said["boundary"], said["bounds"], tiers)


def lines(
    table: Table, measured: Decimal, quota: Decimal | None, digits: int, rule: str
) -> Sequence[Line]:
    """Return what each tier pays of what was measured.

    A line is what all up to it pay, rounded, less what all before it pay, rounded.
    """
    unit = Fraction(1)
    if table.bounds == "share_of_quota":
        if quota is None or quota <= 0:
            raise ValueError("a table by shares of the quota asks for a quota")
        unit = Fraction(quota)
    found: list[Line] = []
    exact, paid = Fraction(0), Decimal(0)
    for place, part in _slices(table, Fraction(measured), unit):
        tier = table.tiers[place]
        exact += part * tier.rate
        due = rounded(exact, digits, rule)
        end = None if tier.end is None else tier.end * unit
        pays = part * tier.rate
        found.append(Line(place + 1, tier.start * unit, end, tier.rate, part, pays, due - paid))
        paid = due
    return found


def _slices(table: Table, measured: Fraction, unit: Fraction) -> list[tuple[int, Fraction]]:
    """Return which tiers take how much; less than nothing is all the first one's."""
    if measured < 0:
        return [(0, measured)]
    if table.mode == "whole":
        return [(_reached(table, measured, unit), measured)] if measured else []
    found = []
    for place, tier in enumerate(table.tiers):
        start = tier.start * unit
        if measured > start:
            top = measured if tier.end is None else min(measured, tier.end * unit)
            found.append((place, top - start))
    return found


def _reached(table: Table, measured: Fraction, unit: Fraction) -> int:
    """Return the tier that is reached; ``from``: a bound reaches the tier above it."""
    place = 0
    for above, tier in enumerate(table.tiers[1:], start=1):
        start = tier.start * unit
        if measured > start or (measured == start and table.boundary == "from"):
            place = above
    return place
