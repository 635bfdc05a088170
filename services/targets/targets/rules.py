"""What a target must say."""

from decimal import Decimal
from uuid import UUID

from services.targets.attainment.model import Key
from services.targets.targets.model import Target
from shared.contracts.targets import Metric, TargetSet
from shared.errors import Invalid
from shared.money import Money
from shared.period import PeriodKind


class CurrencyMissing(Invalid):
    """A money metric without a currency."""

    en = "Targets of {metric} are money; say in which currency."
    zh = "指标 {metric} 的目标是金额，请注明币种。"


class CurrencyNotNeeded(Invalid):
    """A counting metric with a currency."""

    en = "Targets of {metric} are no money; leave the currency out."
    zh = "指标 {metric} 的目标不是金额，请去掉币种。"


class ValueTooFine(Invalid):
    """More decimals than the currency has."""

    en = "{value} has more decimals than {currency}."
    zh = "{value} 的小数位数超过了 {currency} 的最小单位。"


class ValueNegative(Invalid):
    """A target is something to reach."""

    en = "A target is 0 or more."
    zh = "目标值不能为负数。"


class PeriodNotAQuarter(Invalid):
    """Targets are set by quarter."""

    en = "Targets are set by quarter; give a period such as 2026-Q4."
    zh = "目标按季度设定，请填写例如 2026-Q4 的期间。"


def check(key: Key, value: Decimal | None) -> None:
    """Refuse a target that makes no sense, with a pointer to what does not."""
    if key.period.kind is not PeriodKind.QUARTER:
        raise PeriodNotAQuarter(pointer="/period")
    money = key.metric is Metric.REVENUE
    if money and not key.currency:
        raise CurrencyMissing(metric=key.metric.value, pointer="/currency")
    if not money and key.currency:
        raise CurrencyNotNeeded(metric=key.metric.value, pointer="/currency")
    if value is not None and value < 0:
        raise ValueNegative(pointer="/value")
    if value is not None and money and not Money(value, key.currency).is_rounded:
        raise ValueTooFine(value=value, currency=key.currency, pointer="/value")


def put(known: Target | None, key: Key, value: Decimal | None, target_id: UUID) -> Target:
    """Return the target with this value; the known version where nothing differs."""
    check(key, value)
    if known is None:
        return Target(target_id, 1, key, value)
    if known.value == value:
        return known
    return Target(known.id, known.version + 1, key, value)


def told(target: Target) -> TargetSet:
    """Return the event that tells of a target: the whole of it."""
    key = target.key
    return TargetSet(
        version=target.version,
        target_id=target.id,
        scope=key.scope,
        scope_id=key.scope_id,
        metric=key.metric,
        period=key.period.name,
        start=key.period.period.start,
        end=key.period.period.end,
        value=target.value,
        currency=key.currency or None,
    )
