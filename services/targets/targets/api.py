"""Routes of targets."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from services.targets.targets import commands, queries
from services.targets.targets.commands import Draft
from services.targets.targets.model import Target
from shared.contracts.targets import Metric, ScopeKind
from shared.fields import Body, CurrencyCode, DecimalText, Id, PeriodName, View
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.money import figure

router = routes("targets", "What a member or unit is to reach in a period.")

BULK_MAX = 100


class TargetBody(Body):
    """A target as it should be. Money for revenue, a plain number for units."""

    scope: ScopeKind
    scope_id: Id
    metric: Metric
    period: PeriodName
    value: DecimalText | None = Field(description="Null withdraws the target.")
    currency: CurrencyCode | None = None

    def draft(self) -> Draft:
        """Return the draft as the domain knows it."""
        return Draft(self.scope, self.scope_id, self.metric, self.period, self.currency, self.value)


class TargetsBody(Body):
    """Up to 100 targets; all are set or none."""

    targets: list[TargetBody] = Field(min_length=1, max_length=BULK_MAX)


class TargetView(View):
    """A target at its present version; `attainment_id` is what it is held against."""

    id: UUID
    version: int
    attainment_id: UUID
    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    value: str | None
    currency: str | None

    @classmethod
    def of(cls, target: Target) -> "TargetView":
        """Return the view of a target."""
        key = target.key
        return cls(
            id=target.id,
            version=target.version,
            attainment_id=key.id,
            scope=key.scope,
            scope_id=key.scope_id,
            metric=key.metric,
            period=key.period.name,
            value=None if target.value is None else figure(target.value, key.currency),
            currency=key.currency or None,
        )


class TargetsView(View):
    """Targets in the order of the request."""

    targets: list[TargetView]


@router.put("/targets", openapi_extra=needs("targets:write"), response_model=TargetView)
async def put_target(body: TargetBody, call: CallOf) -> Response:
    """Set the target of a scope, metric and period. Repeating it changes nothing."""
    return await call.run(TargetView.of, commands.put_target, draft=body.draft())


@router.post("/targets/bulk", openapi_extra=needs("targets:write"), response_model=TargetsView)
async def put_targets(body: TargetsBody, call: CallOf) -> Response:
    """Set up to 100 targets. Repeating it changes nothing."""
    drafts = [target.draft() for target in body.targets]
    return await call.run(_views, commands.put_targets, drafts=drafts)


@router.get(
    "/targets/export",
    openapi_extra=needs("targets:read"),
    response_class=Response,
    responses=FILES,
)
async def export_targets(
    call: CallOf, query: ExportOf, period: PeriodName | None = None, scope_id: UUID | None = None
) -> Response:
    """Download all targets that the list would show, as CSV, XLSX or NDJSON."""
    return await exported(
        call,
        "targets",
        queries.TARGETS,
        TargetView.of,
        query,
        within=call.scope(queries.OWNED),
        period=period,
        scope_id=scope_id,
    )


@router.get("/targets", openapi_extra=needs("targets:read"), response_model=Page[TargetView])
async def list_targets(
    request: Request,
    call: CallOf,
    query: ListOf,
    period: PeriodName | None = None,
    scope_id: UUID | None = None,
) -> Response:
    """List targets, those of a period or scope where one is given."""
    return await listed(
        request,
        call,
        queries.TARGETS,
        TargetView.of,
        query,
        within=call.scope(queries.OWNED),
        period=period,
        scope_id=scope_id,
    )


@router.get("/targets/{target_id}", openapi_extra=needs("targets:read"), response_model=TargetView)
async def read_target(target_id: UUID, call: CallOf) -> Response:
    """Return a target."""
    return await call.one(TargetView.of, queries.one, target_id, call.scope(queries.OWNED))


def _views(targets: Sequence[Target]) -> TargetsView:
    return TargetsView(targets=[TargetView.of(target) for target in targets])
