"""From what was measured to what is due, exact until it is rounded, and explained."""

from collections.abc import Iterable, Iterator, Sequence

from services.performance.incentives.engine import tiers, wording
from services.performance.incentives.engine.tiers import Scale, Slice
from services.performance.incentives.model import Incentive, Line, Measured, Note
from services.performance.plans.model import Bounds, Component, RateTable
from shared.money import Money, Rounding


def calculate(component: Component, measured: Measured) -> Incentive:
    """Return what a component pays for what was measured.

    One line per tier that was reached. A line is round(f(cumulative)) less round(f(previous
    cumulative)), so the lines sum to the rounded whole and never drift from it. A quota of zero
    is none: nothing is divided by it, and no share of it can be reached.
    """
    nothing = Money.zero(measured.amount.currency)
    table = _table(component, measured)
    lines: tuple[Line, ...] = ()
    if table is not None:
        pieces = _scale(table, measured).slices(measured.amount)
        lines = tuple(_lines(pieces, table, component.rounding))
    amount = sum((line.amount for line in lines), nothing)
    attainment = None if measured.quota is None else measured.amount.over(measured.quota)
    return Incentive(amount, measured, attainment, lines, tuple(_notes(component, measured, table)))


def brought(component: Component, measured: Measured, amounts: Iterable[Money]) -> Sequence[Money]:
    """Return what each of these amounts brought, in their order.

    Each is round(f(cumulative)) less round(f(previous cumulative)): together they are what
    ``calculate`` pays for their sum, in whole tiers too, where the amount that reaches a tier
    brings the higher rate for everything before it.
    """
    table = _table(component, measured)
    total = paid = nothing = Money.zero(measured.amount.currency)
    if table is None:
        return [nothing for _ in amounts]
    scale, found = _scale(table, measured), []
    for amount in amounts:
        total += amount
        exact = sum((piece.exact for piece in scale.slices(total)), nothing)
        due = exact.rounded(component.rounding)
        found.append(due - paid)
        paid = due
    return found


def _table(component: Component, measured: Measured) -> RateTable | None:
    if component.table.bounds is Bounds.AMOUNT or _has_quota(measured):
        return component.table
    return component.without_quota


def _scale(table: RateTable, measured: Measured) -> Scale:
    return tiers.scale(table, measured.amount.currency, measured.quota)


def _has_quota(measured: Measured) -> bool:
    return measured.quota is not None and measured.quota > Money.zero(measured.quota.currency)


def _lines(pieces: Sequence[Slice], table: RateTable, rounding: Rounding) -> Iterator[Line]:
    if not pieces:
        return
    exact = paid = Money.zero(pieces[0].part.currency)
    for piece in pieces:
        exact += piece.exact
        due = exact.rounded(rounding)
        yield Line(
            tier=piece.row.ordinal,
            start=piece.row.start,
            end=piece.row.end,
            rate=piece.row.rate,
            slice=piece.part,
            exact=piece.exact,
            amount=due - paid,
            words=wording.line(piece, table),
        )
        paid = due


def _notes(component: Component, measured: Measured, table: RateTable | None) -> Iterator[Note]:
    currency = measured.amount.currency
    if table is None:
        yield wording.nothing_without_quota(currency)
    elif table is not component.table:
        yield wording.without_quota(currency)
    for left_out in measured.left_out:
        yield wording.other_currency(left_out, currency)
