"""Routes of plans."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from services.performance.plans import commands, queries
from services.performance.plans.model import (
    Boundary,
    Bounds,
    Commission,
    Draft,
    Measure,
    OwnCredits,
    Plan,
    PlanVersion,
    RateTable,
    Tier,
    TierMode,
    UnitAttainment,
)
from shared.contracts.targets import Metric
from shared.fields import (
    Body,
    BusinessDate,
    Code,
    CurrencyCode,
    DecimalText,
    Id,
    Name,
    RateText,
    View,
)
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.external import ExternalView
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.ids import External
from shared.money import Rounding
from shared.period import PeriodKind
from shared.ratio import Ratio

router = routes("plans", "By which rates and tiers who is paid, from which day on.")

COMPONENTS_MAX = 20
TIERS_MAX = 50

Bound = Annotated[DecimalText, Field(description="An amount, or a share of the quota: 1 is all.")]
Revenue = Literal[Metric.REVENUE]


class TierField(Body):
    """A row of a rate table; `to` null is without end."""

    model_config = ConfigDict(serialize_by_alias=True)
    start: Bound = Field(alias="from")
    to: Bound | None
    rate: RateText

    def tier(self) -> Tier:
        """Return the tier as the domain knows it."""
        return Tier(self.start, self.to, Ratio(self.rate))

    @classmethod
    def of(cls, tier: Tier) -> "TierField":
        """Return the wire form of a tier."""
        return cls.model_validate({"from": tier.start, "to": tier.end, "rate": tier.rate.value})


class TableField(Body):
    """A rate table: tiers from 0 upwards, without gaps, the last one without end.

    `marginal` pays each slice at its own rate, `whole` all at the rate that is reached. With the
    boundary `from` a tier is [from, to), with `to` it is (from, to].
    """

    mode: TierMode
    boundary: Boundary
    bounds: Bounds
    tiers: list[TierField] = Field(min_length=1, max_length=TIERS_MAX)

    def table(self) -> RateTable:
        """Return the table as the domain knows it."""
        tiers = tuple(tier.tier() for tier in self.tiers)
        return RateTable(self.mode, self.boundary, self.bounds, tiers)

    @classmethod
    def of(cls, table: RateTable) -> "TableField":
        """Return the wire form of a table."""
        tiers = [TierField.of(tier) for tier in table.tiers]
        return cls(mode=table.mode, boundary=table.boundary, bounds=table.bounds, tiers=tiers)


class OwnCreditsField(Body):
    """The payee's commission credits; the quota is the payee's own target."""

    kind: Literal["own_credits"]
    metric: Revenue

    def measure(self) -> Measure:
        """Return the measure as the domain knows it."""
        return OwnCredits(self.metric)


class UnitAttainmentField(Body):
    """The actual of a unit's target; the quota is its value.

    It is of whole quarters: a quota is not prorated, so payees are assigned from and to the first
    day of a quarter. Without a target of the unit nothing is paid, and the statement says so; the
    bounds of the table are therefore shares of the quota, and `without_quota` is null.
    """

    kind: Literal["unit_attainment"]
    unit_id: Id
    metric: Revenue

    def measure(self) -> Measure:
        """Return the measure as the domain knows it."""
        return UnitAttainment(self.unit_id, self.metric)


MeasureField = Annotated[OwnCreditsField | UnitAttainmentField, Field(discriminator="kind")]


class CommissionField(Body):
    """A commission by rate table. Every switch is said; there are no defaults."""

    kind: Literal["commission"]
    key: Code
    measure: MeasureField
    period: Literal[PeriodKind.QUARTER]
    table: TableField
    without_quota: TableField | None = Field(
        description="Pays instead where bounds are shares of a quota and there is none; its bounds "
        "are amounts. Null: then nothing is paid."
    )
    rounding: Rounding

    def component(self) -> Commission:
        """Return the component as the domain knows it."""
        without = None if self.without_quota is None else self.without_quota.table()
        return Commission(
            key=self.key,
            measure=self.measure.measure(),
            period=self.period,
            table=self.table.table(),
            without_quota=without,
            rounding=self.rounding,
        )

    @classmethod
    def of(cls, component: Commission) -> "CommissionField":
        """Return the wire form of a component."""
        without = component.without_quota
        return cls(
            kind="commission",
            key=component.key,
            measure=_measure(component.measure),
            period=PeriodKind.QUARTER,
            table=TableField.of(component.table),
            without_quota=None if without is None else TableField.of(without),
            rounding=component.rounding,
        )


class VersionBody(Body):
    """What a plan says from the first day of a quarter on."""

    valid_from: BusinessDate
    currency: CurrencyCode
    components: list[CommissionField] = Field(min_length=1, max_length=COMPONENTS_MAX)

    def draft(self) -> Draft:
        """Return the version as the domain knows it."""
        components = tuple(component.component() for component in self.components)
        return Draft(self.valid_from, self.currency, components)


class PlanBody(VersionBody):
    """A plan with its first version."""

    name: Name


class VersionView(View):
    """A version of a plan."""

    number: int
    valid_from: date
    currency: str
    components: list[CommissionField]

    @classmethod
    def of(cls, version: PlanVersion) -> "VersionView":
        """Return the view of a version."""
        return cls(
            number=version.number,
            valid_from=version.valid_from,
            currency=version.currency,
            components=[CommissionField.of(component) for component in version.components],
        )


class PlanView(View):
    """A plan with all its versions."""

    id: UUID
    version: int
    external: ExternalView | None
    name: str
    versions: list[VersionView]

    @classmethod
    def of(cls, plan: Plan) -> "PlanView":
        """Return the view of a plan."""
        return cls(
            id=plan.id,
            version=plan.version,
            external=ExternalView.of(plan.external),
            name=plan.name,
            versions=[VersionView.of(version) for version in plan.versions],
        )


@router.post("/plans", status_code=201, openapi_extra=needs("plans:write"), response_model=PlanView)
async def make_plan(body: PlanBody, call: CallOf) -> Response:
    """Make a plan with its first version. Nobody is paid by it until it is assigned."""
    return await call.create(PlanView.of, commands.make_plan, name=body.name, draft=body.draft())


@router.put(
    "/plans/by-external/{source}/{external_id:path}",
    openapi_extra=needs("plans:write"),
    response_model=PlanView,
)
async def put_plan(
    source: Annotated[Code, Path()],
    external_id: Annotated[Code, Path()],
    body: PlanBody,
    call: CallOf,
) -> Response:
    """Make the plan of this external id. The same again changes nothing; another is refused."""
    return await call.run(
        PlanView.of,
        commands.put_plan,
        external=External(source, external_id),
        name=body.name,
        draft=body.draft(),
    )


@router.post(
    "/plans/{plan_id}/versions",
    status_code=201,
    openapi_extra=needs("plans:write", version=True),
    response_model=PlanView,
)
async def add_version(plan_id: UUID, body: VersionBody, call: CallOf) -> Response:
    """Add a version, which takes over from its first day; pay from then on follows."""
    return await call.create(PlanView.of, commands.add_version, plan_id=plan_id, draft=body.draft())


@router.get("/plans", openapi_extra=needs("plans:read"), response_model=Page[PlanView])
async def list_plans(request: Request, call: CallOf, query: ListOf) -> Response:
    """List plans with all their versions."""
    return await listed(
        request, call, queries.PLANS, PlanView.of, query, within=call.scope(queries.OWNED)
    )


@router.get(
    "/plans/export",
    openapi_extra=needs("plans:read"),
    response_class=Response,
    responses=FILES,
)
async def export_plans(call: CallOf, query: ExportOf) -> Response:
    """Download all plans that the list would show, as CSV, XLSX or NDJSON."""
    return await exported(
        call, "plans", queries.PLANS, PlanView.of, query, within=call.scope(queries.OWNED)
    )


@router.get(
    "/plans/by-external/{source}/{external_id:path}",
    openapi_extra=needs("plans:read"),
    response_model=PlanView,
)
async def read_plan_by_external(
    source: Annotated[Code, Path()], external_id: Annotated[Code, Path()], call: CallOf
) -> Response:
    """Return the plan of an external id with all its versions."""
    return await call.one(
        PlanView.of, queries.one, External(source, external_id), call.scope(queries.OWNED)
    )


@router.get("/plans/{plan_id}", openapi_extra=needs("plans:read"), response_model=PlanView)
async def read_plan(plan_id: UUID, call: CallOf) -> Response:
    """Return a plan with all its versions."""
    return await call.one(PlanView.of, queries.one, plan_id, call.scope(queries.OWNED))


def _measure(measure: Measure) -> OwnCreditsField | UnitAttainmentField:
    match measure:
        case OwnCredits():
            return OwnCreditsField(kind="own_credits", metric=Metric.REVENUE)
        case UnitAttainment(unit_id=unit_id):
            return UnitAttainmentField(
                kind="unit_attainment", unit_id=unit_id, metric=Metric.REVENUE
            )
