"""Routes of assignments."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from services.performance.assignments import commands, queries
from services.performance.assignments.model import Assignment
from services.performance.plans import queries as plans
from shared.fields import Body, BusinessDate, Id, View
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes

router = routes("plans")

ASSIGNMENTS_MAX = 500


class AssignmentBody(Body):
    """Who is paid by the plan from a day on, until `valid_to` (not counted) or further.

    Quotas are not prorated: own credits of the assigned days are held against the whole quarter's
    target. A plan with a unit's attainment is assigned from and to the first day of a quarter.
    """

    payee_ids: list[Id] = Field(min_length=1, max_length=ASSIGNMENTS_MAX)
    valid_from: BusinessDate
    valid_to: BusinessDate | None


class EndBody(Body):
    """Until when these payees are paid by the plan; `valid_to` is not counted."""

    payee_ids: list[Id] = Field(min_length=1, max_length=ASSIGNMENTS_MAX)
    valid_to: BusinessDate


class AssignmentView(View):
    """A payee's assignment to a plan; `valid_to` is not counted, null is without end."""

    id: UUID
    plan_id: UUID
    payee_id: UUID
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, assignment: Assignment) -> "AssignmentView":
        """Return the view of an assignment."""
        return cls(
            id=assignment.id,
            plan_id=assignment.plan_id,
            payee_id=assignment.payee_id,
            valid_from=assignment.valid_from,
            valid_to=assignment.valid_to,
        )


class AssignmentsView(View):
    """The assignments that were asked for, in the order of the request."""

    assignments: list[AssignmentView]

    @classmethod
    def of(cls, assignments: Sequence[Assignment]) -> "AssignmentsView":
        """Return the view of assignments."""
        return cls(assignments=[AssignmentView.of(assignment) for assignment in assignments])


@router.post(
    "/plans/{plan_id}/assignments",
    openapi_extra=needs("plans:write"),
    response_model=AssignmentsView,
)
async def assign_plan(plan_id: UUID, body: AssignmentBody, call: CallOf) -> Response:
    """Assign the plan to up to 500 payees; all are taken or none. Repeating it changes nothing."""
    return await call.run(
        AssignmentsView.of,
        commands.assign_many,
        plan_id=plan_id,
        payee_ids=body.payee_ids,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
    )


@router.post(
    "/plans/{plan_id}/assignments/end",
    openapi_extra=needs("plans:write"),
    response_model=AssignmentsView,
)
async def end_assignments(plan_id: UUID, body: EndBody, call: CallOf) -> Response:
    """End the last assignment of each of these payees, or give it another end; all or none.

    Pay from the earlier one of the old end and the new one follows. Repeating it changes nothing.
    """
    return await call.run(
        AssignmentsView.of,
        commands.end_many,
        plan_id=plan_id,
        payee_ids=body.payee_ids,
        valid_to=body.valid_to,
    )


@router.get(
    "/plans/{plan_id}/assignments",
    openapi_extra=needs("plans:read"),
    response_model=Page[AssignmentView],
)
async def list_assignments(
    plan_id: UUID, request: Request, call: CallOf, query: ListOf
) -> Response:
    """List who is assigned to the plan and when, by payee and first day."""
    await call.read(plans.one, plan_id, call.scope(plans.OWNED))
    return await listed(
        request,
        call,
        queries.ASSIGNMENTS,
        AssignmentView.of,
        query,
        within=call.scope(queries.OWNED),
        plan_id=plan_id,
    )


@router.get(
    "/plans/{plan_id}/assignments/export",
    openapi_extra=needs("plans:read"),
    response_class=Response,
    responses=FILES,
)
async def export_assignments(plan_id: UUID, call: CallOf, query: ExportOf) -> Response:
    """Download who is assigned to the plan and when, as CSV, XLSX or NDJSON."""
    await call.read(plans.one, plan_id, call.scope(plans.OWNED))
    return await exported(
        call,
        "assignments",
        queries.ASSIGNMENTS,
        AssignmentView.of,
        query,
        within=call.scope(queries.OWNED),
        plan_id=plan_id,
    )
