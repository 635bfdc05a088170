"""How much of an amount each tier of a rate table takes."""

from dataclasses import dataclass

from services.performance.plans.model import Boundary, Bounds, RateTable, TierMode
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


@dataclass(frozen=True, slots=True)
class Scale:
    """A rate table whose bounds are amounts, by whatever they were given."""

    mode: TierMode
    boundary: Boundary
    rows: tuple[Row, ...]

    def slices(self, measured: Money) -> list[Slice]:
        """Return the slices of an amount in the order of the tiers; they sum to the amount.

        Marginal: each tier takes what lies between its bounds. Whole: the tier that is reached
        takes everything, and which one a bound itself reaches is the table's switch, as the field
        uses both. Less than nothing, as when returns exceed sales, is the mirror image of the
        first tier.
        """
        nothing = Money.zero(measured.currency)
        if measured < nothing:
            return [Slice(self.rows[0], measured)]
        if self.mode is TierMode.WHOLE:
            return [Slice(self._reached(measured), measured)] if measured else []
        return [
            Slice(row, _top(row, measured) - row.start) for row in self.rows if row.start < measured
        ]

    def _reached(self, measured: Money) -> Row:
        if self.boundary is Boundary.FROM:
            return next(row for row in self.rows if row.end is None or measured < row.end)
        return next(row for row in self.rows if row.end is None or measured <= row.end)


def scale(table: RateTable, currency: str, quota: Money | None) -> Scale:
    """Return a table with its bounds as amounts.

    ``quota`` is above zero where the bounds are shares of it. They are multiplied out, exactly:
    nothing is divided by a quota to find a tier.
    """
    unit = Money.of(1, currency)
    if table.bounds is Bounds.SHARE_OF_QUOTA:
        if quota is None:
            raise ValueError("a table by shares of the quota asks for a quota")
        unit = quota
    rows = (
        Row(ordinal, unit * tier.start, None if tier.end is None else unit * tier.end, tier.rate)
        for ordinal, tier in enumerate(table.tiers, start=1)
    )
    return Scale(table.mode, table.boundary, tuple(rows))


def _top(row: Row, measured: Money) -> Money:
    return measured if row.end is None else min(measured, row.end)
