"""How targets are imported."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from pydantic import model_validator

from services.targets.org import queries as organisation
from services.targets.targets import commands
from services.targets.targets.commands import Draft
from shared.auth.principal import Principal
from shared.context import Context
from shared.contracts.targets import Metric, ScopeKind
from shared.db import Connection
from shared.errors import Invalid, PharosError
from shared.field_words import refuse
from shared.fields import Body, Code, CurrencyCode, DecimalText, Id, PeriodName
from shared.ids import External
from shared.jobs.importer import Applied, Column, Importer, Refusal, Result


class ScopeNotKnown(Invalid):
    """The unit or member that a row names is not there."""

    en = "There is no {scope} {external_id} of {source}. Import it first."
    zh = "不存在来源 {source} 的 {scope} {external_id}，请先行导入。"


class TargetRow(Body):
    """A row of a file of targets. Without a `value` the target is withdrawn."""

    scope: ScopeKind
    scope_id: Id | None = None
    source: Code | None = None
    scope_external_id: Code | None = None
    metric: Metric
    period: PeriodName
    value: DecimalText | None = None
    currency: CurrencyCode | None = None

    @model_validator(mode="after")
    def _names_a_scope(self) -> Self:
        if self.scope_id is None and self.external is None:
            refuse("id_or_external")
        return self

    @property
    def external(self) -> External | None:
        """Return the external id of the unit or member."""
        if self.source is None or self.scope_external_id is None:
            return None
        return External(self.source, self.scope_external_id)

    def draft(self, scope_id: UUID) -> Draft:
        """Return the target as the domain knows it."""
        return Draft(self.scope, scope_id, self.metric, self.period, self.currency, self.value)


async def _apply(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[TargetRow]
) -> Sequence[Result]:
    named = {row.external for row in rows if row.external is not None}
    known = await organisation.ids_of(conn, list(named)) if named else {}
    scopes = [_scope_of(row, known) for row in rows]
    pairs = [(row, id_) for row, id_ in zip(rows, scopes, strict=True) if isinstance(id_, UUID)]
    put = iter(await commands.put_each_in(conn, ctx, [row.draft(id_) for row, id_ in pairs]))
    return [id_ if isinstance(id_, Refusal) else _result(next(put)) for id_ in scopes]


def _scope_of(row: TargetRow, known: dict[tuple[ScopeKind, External], UUID]) -> UUID | Refusal:
    if row.scope_id is not None:
        return row.scope_id
    external = row.external or External("", "")
    found = known.get((row.scope, external))
    if found is not None:
        return found
    error = ScopeNotKnown(
        scope=row.scope.value,
        external_id=external.id,
        source=external.source,
        pointer="/scope_external_id",
    )
    return Refusal(error, waits=True)


def _result(change: commands.Change | PharosError) -> Result:
    if isinstance(change, PharosError):
        return Refusal(change)
    before, target = change
    return Applied.of(target.id, target.version, None if before is None else before.version)


def _key(row: TargetRow) -> str:
    external = row.external
    scope = row.scope_id if external is None else f"{external.source}\x1f{external.id}"
    return "\x1f".join(map(str, (row.scope, scope, row.metric, row.period, row.currency)))


IMPORTER = Importer(
    noun="targets",
    permission="targets:write",
    row=TargetRow,
    columns=(
        Column("scope", headings=("目标对象类型",)),
        Column("scope_id"),
        Column("source", headings=("来源系统",)),
        Column("scope_external_id", headings=("目标对象编号",)),
        Column("metric", headings=("指标",)),
        Column("period", headings=("期间",)),
        Column("value", "decimal", ("目标值", "目标")),
        Column("currency", headings=("币种",)),
    ),
    key=_key,
    apply_many=_apply,
)
