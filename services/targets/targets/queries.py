"""Reading targets."""

from typing import Final, LiteralString
from uuid import UUID

from services.targets.targets.model import Target
from services.targets.targets.store import to_target
from shared.auth.scope import MemberOrUnit, Owned
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection
from shared.directory import trees
from shared.errors import NotFound
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.listing import Listing
from shared.sql import Condition, anything

_SELECT: Final[LiteralString] = """
    SELECT t.id, t.version, t.scope, t.scope_id, t.metric, t.period, t.starts, t.ends, t.currency,
           t.value
      FROM target AS t
"""

TARGETS: Final = Listing(
    select=_SELECT,
    of=to_target,
    fields={
        "id": Field(Kind.ID, "t.id", sorts=True),
        "attainment_id": Field(Kind.ID, "t.attainment_id"),
        "scope": Field(Kind.CHOICE, "t.scope", choices=tuple(ScopeKind)),
        "scope_id": Field(Kind.ID, "t.scope_id", below=trees.units_and_members),
        "metric": Field(Kind.CHOICE, "t.metric", choices=tuple(Metric)),
        "period": Field(Kind.TEXT, "t.period", sorts=True),
        "starts": Field(Kind.DATE, "t.starts"),
        "ends": Field(Kind.DATE, "t.ends"),
        "currency": Field(Kind.CHOICE, "t.currency"),
        "value": Field(Kind.DECIMAL, "t.value", nullable=True),
    },
)

OWNED: Final = Owned(MemberOrUnit("t.scope", "t.scope_id"))


class TargetNotFound(NotFound):
    """There is no such target, or it is not the caller's to see."""

    en = "There is no target {target_id}."
    zh = "不存在目标 {target_id}。"


async def one(conn: Connection, target_id: UUID, scope: Condition = anything) -> Target:
    """Return a target within ``scope``; raises TargetNotFound."""
    target = await TARGETS.only(conn, scope, id=target_id)
    if target is None:
        raise TargetNotFound(target_id=target_id)
    return target
