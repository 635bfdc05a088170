"""An incentive in words, so that a payee can work it out by hand."""

from services.performance.incentives.engine.tiers import Row, Slice
from services.performance.incentives.model import LeftOut, Note, Words
from services.performance.plans.model import Boundary, RateTable, TierMode
from shared.money import Money
from shared.ratio import Ratio


def line(piece: Slice, table: RateTable) -> Words:
    """Return how a slice is paid: "50000.00 above 100000.00 at 8.00%"."""
    part, rate = piece.part.text, _percent(piece.row.rate)
    if piece.part < Money.zero(piece.part.currency):
        return Words(f"{part}, less than nothing, at {rate}", f"负值 {part}，按 {rate}")
    if table.mode is TierMode.WHOLE:
        en, zh = _range(piece.row, table.boundary)
        return Words(f"{part} in all, {en}, at {rate}", f"全额 {part}，在 {zh}，按 {rate}")
    start = piece.row.start.text
    return Words(f"{part} above {start} at {rate}", f"{start} 以上部分 {part}，按 {rate}")


def _range(row: Row, boundary: Boundary) -> tuple[str, str]:
    """Return which range everything lies in, and which of its bounds belongs to it."""
    start = row.start.text
    if boundary is Boundary.FROM:
        en, zh = f"from {start}", f"{start}（含）"
    else:
        en, zh = f"above {start}", f"{start}（不含）"
    if row.end is None:
        return en, f"{zh}以上"
    end = row.end.text
    if boundary is Boundary.FROM:
        return f"{en} up to, without {end}", f"{zh}至 {end}（不含）"
    return f"{en} up to, with {end}", f"{zh}至 {end}（含）"


def without_quota(currency: str) -> Note:
    """Return the note that another table pays because there is no quota."""
    return Note(
        "without_quota",
        Words(
            f"There is no quota in {currency}, or it is 0: the plan's table for that case pays.",
            f"没有 {currency} 目标，或目标为 0，按方案中无目标情形的费率表计算。",
        ),
    )


def nothing_without_quota(currency: str) -> Note:
    """Return the note that nothing is paid because there is no quota."""
    return Note(
        "nothing_without_quota",
        Words(
            f"There is no quota in {currency}, or it is 0; the plan pays nothing without one.",
            f"没有 {currency} 目标，或目标为 0，按方案此时不予计发。",
        ),
    )


def other_currency(left_out: LeftOut, currency: str) -> Note:
    """Return the note that credits in another currency were not counted."""
    count, amount = left_out.credits, left_out.amount
    return Note(
        "other_currency",
        Words(
            f"Not counted, because the plan is in {currency}: {amount} in {count} credits.",
            f"方案币种为 {currency}，以下未计入：{count} 笔业绩，共 {amount}。",
        ),
    )


def _percent(rate: Ratio) -> str:
    """Return a rate with all its digits, and at least two behind the point."""
    exponent = rate.value.normalize().as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return rate.percent(max(2, places - 2))
