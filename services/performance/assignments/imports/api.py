"""How assignments of plans are imported."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from pydantic import model_validator

from services.performance.assignments import commands
from services.performance.assignments.model import Assignment
from services.performance.plans import queries as plans
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Connection
from shared.errors import Invalid, PharosError
from shared.field_words import refuse
from shared.fields import Body, BusinessDate, Code, Id
from shared.ids import External
from shared.jobs import members
from shared.jobs.importer import Applied, Column, Importer, Refusal, Result


class PlanNotKnown(Invalid):
    """The plan that a row names is not there."""

    en = "There is no plan {external_id} of {source}. Make it first."
    zh = "不存在来源 {source} 的激励方案 {external_id}，请先建立。"


class AssignmentRow(Body):
    """A row of a file of assignments; `valid_to` is not counted, without it there is no end."""

    plan_id: Id | None = None
    source: Code | None = None
    plan_external_id: Code | None = None
    payee_id: Id | None = None
    payee_source: Code | None = None
    payee_external_id: Code | None = None
    valid_from: BusinessDate
    valid_to: BusinessDate | None = None

    @model_validator(mode="after")
    def _names_a_plan_and_a_payee(self) -> Self:
        if self.plan_id is None and self.external is None:
            refuse("id_or_external")
        _ = self.payee
        return self

    @property
    def payee(self) -> members.Named:
        """Return the member who is to be paid."""
        source = self.payee_source or self.source
        return members.surely_named(self.payee_id, source, self.payee_external_id)

    @property
    def external(self) -> External | None:
        """Return the external id of the plan."""
        if self.source is None or self.plan_external_id is None:
            return None
        return External(self.source, self.plan_external_id)


async def _apply(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[AssignmentRow]
) -> Sequence[Result]:
    named = {row.external for row in rows if row.external is not None}
    known = await plans.ids_of(conn, list(named)) if named else {}
    people = await members.find(conn, [{"/payee_id": row.payee} for row in rows])
    wanted = [people.refusal({"/payee_id": row.payee}) or _wish(row, known, people) for row in rows]
    drafts = [wish for wish in wanted if isinstance(wish, Assignment)]
    put = iter(await commands.put_each_in(conn, ctx, drafts))
    return [wish if isinstance(wish, Refusal) else _result(next(put)) for wish in wanted]


def _wish(
    row: AssignmentRow, known: dict[External, UUID], people: members.Found
) -> Assignment | Refusal:
    external = row.external
    plan_id = row.plan_id or (None if external is None else known.get(external))
    if plan_id is not None:
        return Assignment(plan_id, people.ids[row.payee], row.valid_from, row.valid_to)
    error = PlanNotKnown(
        external_id=row.plan_external_id, source=row.source, pointer="/plan_external_id"
    )
    return Refusal(error)


def _result(change: commands.Moved | PharosError) -> Result:
    if isinstance(change, PharosError):
        return Refusal(change)
    assignment, before = change
    return Applied.of(assignment.id, assignment.version, before)


IMPORTER = Importer(
    noun="assignments",
    permission="plans:write",
    row=AssignmentRow,
    columns=(
        Column("plan_id"),
        Column("source", headings=("来源系统",)),
        Column("plan_external_id", headings=("方案编号",)),
        Column("payee_id", headings=("激励对象编号",)),
        Column("payee_source"),
        Column("payee_external_id", headings=("激励对象工号", "员工工号")),
        Column("valid_from", "date", ("生效日期",)),
        Column("valid_to", "date", ("失效日期",)),
    ),
    key=lambda row: "\x1f".join(map(str, (row.plan_id or row.external, row.payee, row.valid_from))),
    apply_many=_apply,
    copy=members.COPY,
)
