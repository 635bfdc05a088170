"""Targets as they are told, made into what pay needs to know of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.performance.quotas.model import Actual, Aim, Quota
from shared.contracts.contract import Contract
from shared.contracts.targets import AttainmentUpdated, ScopeKind, TargetSet


class Known(NamedTuple):
    """All that is known of a target."""

    quota: Quota | None
    actuals: frozenset[Actual]


def read(told: Iterable[Contract | None]) -> tuple[Sequence[Quota], Sequence[Actual]]:
    """Return quotas and actuals that contents tell of.

    A member's own attainment is not kept: own credits are counted from the deals.
    """
    contents = list(told)
    quotas = [quota_of(content) for content in contents if isinstance(content, TargetSet)]
    units = [
        content
        for content in contents
        if isinstance(content, AttainmentUpdated) and content.scope is ScopeKind.UNIT
    ]
    return quotas, list(actuals_of(units))


def by_target(quotas: Iterable[Quota], actuals: Iterable[Actual]) -> Mapping[UUID, Known]:
    """Return what is known, by target."""
    quota_by = {quota.target_id: quota for quota in quotas}
    actuals_by: dict[UUID, set[Actual]] = {}
    for actual in actuals:
        actuals_by.setdefault(actual.target_id, set()).add(actual)
    return {
        target: Known(quota_by.get(target), frozenset(actuals_by.get(target, ())))
        for target in quota_by.keys() | actuals_by.keys()
    }


def quota_of(target: TargetSet) -> Quota:
    """Return a target as a quota."""
    aim = Aim(target.scope, target.scope_id, target.metric, target.period, target.currency or "")
    return Quota(target.target_id, target.version, aim, target.value)


def newest(told: Iterable[Quota], known: Mapping[UUID, Quota]) -> Mapping[UUID, Quota]:
    """Return what is news, by target and at its highest version."""
    found: dict[UUID, Quota] = {}
    for quota in told:
        before = found.get(quota.target_id) or known.get(quota.target_id)
        if before is None or before.version < quota.version:
            found[quota.target_id] = quota
    return found


def actuals_of(told: Iterable[AttainmentUpdated]) -> Iterable[Actual]:
    """Return the actuals of an attainment's partitions, each at its highest version."""
    found: dict[tuple[UUID, int], Actual] = {}
    for attainment in told:
        actual = Actual(
            attainment.target_id,
            attainment.partition,
            attainment.version,
            attainment.partition_actual,
        )
        before = found.get(actual[:2])
        if before is None or before.version < actual.version:
            found[actual[:2]] = actual
    return found.values()
