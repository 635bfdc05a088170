"""How much of an amount each tier of a rate table takes."""

from dataclasses import dataclass

from services.performance.plans.model import Boundary, Bounds, RateTable, Tier, TierMode
from shared.money import Money
from shared.ratio import Ratio


@dataclass(frozen=True, slots=True)
class Row:
    """A tier with its bounds as amounts, and its place in the table, from 1."""

    ordinal: int
    start: Money
    end: Money | None
    rate: Ratio


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a measured amount that a tier takes."""

    row: Row
    part: Money

    @property
    def exact(self) -> Money:
        """Return what the slice pays, unrounded."""
        return self.part * self.row.rate


def slices(table: RateTable, measured: Money, quota: Money | None) -> list[Slice]:
    """Return the slices of an amount in the order of the tiers; they sum to the amount.

    Marginal: each tier takes what lies between its bounds. Whole: the tier that is reached takes
    everything. Where exactly a bound lies is the table's switch: the field uses both
    (docs.oracle.com, "value on a tier boundary"). Less than nothing, as when returns exceed
    sales, is the mirror image of the first tier. ``quota`` is above zero where the bounds are
    shares of it; a bound is multiplied out, nothing is divided.
    """
    rows = [_row(ordinal, tier, table, measured, quota) for ordinal, tier in _numbered(table)]
    nothing = Money.zero(measured.currency)
    if measured < nothing:
        return [Slice(rows[0], measured)]
    if table.mode is TierMode.WHOLE:
        return [Slice(_reached(rows, measured, table.boundary), measured)] if measured else []
    parts = (Slice(row, _inside(row, measured)) for row in rows)
    return [piece for piece in parts if piece.part > nothing]


def _numbered(table: RateTable) -> enumerate[Tier]:
    return enumerate(table.tiers, start=1)


def _row(ordinal: int, tier: Tier, table: RateTable, measured: Money, quota: Money | None) -> Row:
    unit = Money.of(1, measured.currency)
    if table.bounds is Bounds.SHARE_OF_QUOTA:
        if quota is None:
            raise ValueError("a table by shares of the quota asks for a quota")
        unit = quota
    end = None if tier.end is None else unit * tier.end
    return Row(ordinal, unit * tier.start, end, tier.rate)


def _inside(row: Row, measured: Money) -> Money:
    top = measured if row.end is None else min(measured, row.end)
    return top - row.start


def _reached(rows: list[Row], measured: Money, boundary: Boundary) -> Row:
    if boundary is Boundary.FROM:
        return next(row for row in rows if row.end is None or measured < row.end)
    return next(row for row in rows if row.end is None or measured <= row.end)
