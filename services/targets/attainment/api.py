"""Routes of attainment."""

from datetime import date, datetime
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from services.targets.attainment import queries
from services.targets.attainment.queries import Attainment, Explanation
from shared.contracts.contract import Exact
from shared.contracts.targets import Metric, ScopeKind
from shared.fields import PeriodName, View
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.money import figure

router = routes("attainment", "How much of a target is reached, and by which deals.")


class TargetValueView(View):
    """The target that an attainment is held against."""

    id: UUID
    version: int
    value: str | None


class AttainmentView(View):
    """The actual of a metric for a scope and period, and its share of the target.

    `attainment` is null without a target, or with one of zero.
    """

    id: UUID
    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    starts: date
    ends: date
    currency: str | None
    actual: str
    deals: int
    target: TargetValueView | None
    attainment: str | None

    @classmethod
    def of(cls, found: Attainment) -> "AttainmentView":
        """Return the view of an attainment."""
        target = None
        if found.target is not None:
            value = found.target.value
            target = TargetValueView(
                id=found.target.id,
                version=found.target.version,
                value=None if value is None else figure(value, found.currency),
            )
        return cls(
            id=found.id,
            scope=found.scope,
            scope_id=found.scope_id,
            metric=found.metric,
            period=found.period,
            starts=found.starts,
            ends=found.ends,
            currency=found.currency or None,
            actual=figure(found.actual, found.currency),
            deals=found.deals,
            target=target,
            attainment=None if found.ratio is None else str(found.ratio),
        )


class EntryView(View):
    """What one cause added to a number: a version of a deal, or a change of the organisation."""

    cause_id: UUID
    source: str
    partition: int
    number: int
    fact_id: UUID
    fact_version: int
    amount: Exact
    deals: int
    posted_at: datetime

    @classmethod
    def of(cls, entry: Explanation) -> "EntryView":
        """Return the view of an entry."""
        return cls.model_validate(entry, from_attributes=True)


class EntriesPage(Page[EntryView]):
    """Entries and the attainment that all of them together add up to."""

    attainment: AttainmentView


@router.get(
    "/attainments", openapi_extra=needs("attainment:read"), response_model=Page[AttainmentView]
)
async def list_attainments(
    request: Request,
    call: CallOf,
    query: ListOf,
    period: PeriodName | None = None,
    metric: Metric | None = None,
    scope: ScopeKind | None = None,
    scope_id: UUID | None = None,
) -> Response:
    """List attainments, narrowed by what is given."""
    return await listed(
        request,
        call,
        queries.ATTAINMENTS,
        AttainmentView.of,
        query,
        within=call.scope(queries.OWNED),
        period=period,
        metric=metric,
        scope=scope,
        scope_id=scope_id,
    )


@router.get(
    "/attainments/export",
    openapi_extra=needs("attainment:read"),
    response_class=Response,
    responses=FILES,
)
async def export_attainments(
    call: CallOf,
    query: ExportOf,
    period: PeriodName | None = None,
    metric: Metric | None = None,
    scope: ScopeKind | None = None,
    scope_id: UUID | None = None,
) -> Response:
    """Download all attainments that the list would show, as CSV, XLSX or NDJSON."""
    return await exported(
        call,
        "attainments",
        queries.ATTAINMENTS,
        AttainmentView.of,
        query,
        within=call.scope(queries.OWNED),
        period=period,
        metric=metric,
        scope=scope,
        scope_id=scope_id,
    )


@router.get(
    "/attainments/{attainment_id}",
    openapi_extra=needs("attainment:read"),
    response_model=AttainmentView,
)
async def read_attainment(attainment_id: UUID, call: CallOf) -> Response:
    """Return an attainment."""
    within = call.scope(queries.OWNED)
    return await call.derived(AttainmentView.of, queries.one, attainment_id, within)


@router.get(
    "/attainments/{attainment_id}/entries",
    openapi_extra=needs("attainment:read"),
    response_model=EntriesPage,
)
async def explain_attainment(
    attainment_id: UUID, request: Request, call: CallOf, query: ListOf
) -> Response:
    """Explain a number: every entry that it is the sum of, each with its cause."""
    within = call.scope(queries.OWNED)
    attainment = AttainmentView.of(await call.read(queries.one, attainment_id, within))
    return await listed(
        request,
        call,
        queries.ENTRIES,
        EntryView.of,
        query,
        extra={"attainment": attainment},
        attainment_id=attainment_id,
    )
