"""Targets as they are told, made into what pay needs to know of them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from services.performance.quotas.model import Actual, Aim, Quota
from shared.contracts.targets import AttainmentUpdated, TargetSet


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
