"""Plan components for the tests, written as short as the rule they stand for."""

from decimal import Decimal

from services.performance.incentives.model import Measured
from services.performance.plans.model import (
    Boundary,
    Bounds,
    Commission,
    OwnCredits,
    RateTable,
    Tier,
    TierMode,
)
from shared.contracts.targets import Metric
from shared.money import Money, Rounding
from shared.period import PeriodKind
from shared.ratio import Ratio

Rates = dict[str, str]
"""Where a tier starts → its rate; the last one is without end."""


def tiers(rates: Rates) -> tuple[Tier, ...]:
    starts = [Decimal(start) for start in rates]
    ends = [*starts[1:], None]
    return tuple(
        Tier(start, end, Ratio(rate))
        for start, end, rate in zip(starts, ends, rates.values(), strict=True)
    )


def table(
    rates: Rates,
    *,
    mode: TierMode = TierMode.MARGINAL,
    boundary: Boundary = Boundary.FROM,
    bounds: Bounds = Bounds.AMOUNT,
) -> RateTable:
    return RateTable(mode, boundary, bounds, tiers(rates))


def commission(
    rates: RateTable,
    without_quota: RateTable | None = None,
    rounding: Rounding = Rounding.HALF_UP,
    key: str = "收入提成",
) -> Commission:
    measure = OwnCredits(Metric.REVENUE)
    return Commission(key, measure, PeriodKind.QUARTER, rates, without_quota, rounding)


def measured(amount: str, quota: str | None = None, currency: str = "CNY") -> Measured:
    held = None if quota is None else Money.of(quota, currency)
    return Measured(Money.of(amount, currency), held)


MAVEN = commission(
    table({"0": "0.05", "1": "0.08"}, bounds=Bounds.SHARE_OF_QUOTA),
    without_quota=table({"0": "0.05"}),
)
"""5 % of revenue up to the target, 8 % on the part above; without a target 5 % on all."""
