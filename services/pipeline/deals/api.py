"""Routes of deals."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path, Request
from fastapi.responses import Response
from pydantic import Field

from services.pipeline.deals import commands, queries
from services.pipeline.deals.model import (
    Changes,
    Deal,
    Draft,
    Kept,
    Line,
    RecordDraft,
    Share,
    Transition,
)
from shared.context import Origin
from shared.contracts.contract import Exact
from shared.contracts.pipeline import DealStage
from shared.fields import (
    Body,
    BusinessDate,
    Code,
    Id,
    LeftOut,
    MoneyField,
    MoneyView,
    Name,
    Quantity,
    View,
)
from shared.fields import Share as ShareField
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.external import ExternalField, ExternalView
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.ids import External

router = routes("deals", "What is being sold to whom, from open to won or lost.")

LINES_MAX = 200
SHARES_MAX = 50
BULK_MAX = 100


class LineField(Body):
    """One product on a deal."""

    product_id: Id
    quantity: Quantity
    amount: MoneyField

    def line(self) -> Line:
        """Return the line as the domain knows it."""
        return Line(self.product_id, self.quantity, self.amount.money())


class SharePart(Body):
    """A member's part of a deal."""

    member_id: Id
    share: ShareField

    def part(self) -> Share:
        """Return the share as the domain knows it."""
        return Share(self.member_id, self.share)


Lines = Annotated[list[LineField], Field(max_length=LINES_MAX)]
Shares = Annotated[list[SharePart], Field(min_length=1, max_length=SHARES_MAX)]


class _Terms(Body):
    name: Name
    account_id: Id | None = None
    amount: MoneyField | None = Field(None, description="Left out: the sum of the lines.")
    lines: Lines = Field(default_factory=list)
    shares: Shares | None = None
    opened_on: BusinessDate

    def draft(self, owner_id: UUID) -> Draft:
        """Return the terms of an owner's deal as the domain knows them."""
        return Draft(
            name=self.name,
            owner_id=owner_id,
            account_id=self.account_id,
            amount=None if self.amount is None else self.amount.money(),
            lines=_lines(self.lines),
            shares=None if self.shares is None else _shares(self.shares),
            opened_on=self.opened_on,
        )


class DealTerms(_Terms):
    """What is agreed or hoped for. Without shares the owner has all of the deal."""

    owner_id: Id | None = Field(
        None, description="The member whose deal it is. Left out: the member who asks."
    )


class DealEdit(Body):
    """What should change; what is left out stays. Null takes the account away."""

    name: LeftOut[Name] = None
    owner_id: LeftOut[Id] = None
    account_id: Id | None = None
    amount: LeftOut[MoneyField] = Field(None, description="Left out: the sum of new lines.")
    lines: LeftOut[Lines] = None
    shares: LeftOut[Shares] = None
    opened_on: LeftOut[BusinessDate] = None

    def changes(self) -> Changes:
        """Return the changes as the domain knows them."""
        return Changes(
            name=self.name,
            owner_id=self.owner_id,
            account_id=self.account_id if "account_id" in self.model_fields_set else Kept.AS_IS,
            amount=None if self.amount is None else self.amount.money(),
            lines=None if self.lines is None else _lines(self.lines),
            shares=None if self.shares is None else _shares(self.shares),
            opened_on=self.opened_on,
        )


class TransitionBody(Body):
    """A step of a deal: to `won` or `lost` on a day, or back to `open`."""

    to: DealStage
    on: BusinessDate | None = Field(None, description="The day of closing; none for `open`.")


class RecordField(_Terms):
    """A deal as another system knows it, whole."""

    owner_id: Id
    external: ExternalField
    stage: DealStage = DealStage.OPEN
    closed_on: BusinessDate | None = None

    def record(self) -> RecordDraft:
        """Return the record as the domain knows it."""
        return RecordDraft(
            self.external.external(), self.draft(self.owner_id), self.stage, self.closed_on
        )


class DealRecords(Body):
    """Up to 100 deals of another system; all are taken or none."""

    origin: Literal["live", "import"] = Field(
        "live", description="`import`: history, which posts figures but raises no notices."
    )
    deals: list[RecordField] = Field(min_length=1, max_length=BULK_MAX)


class LineView(View):
    """One product on a deal."""

    product_id: UUID
    quantity: Exact
    amount: MoneyView


class ShareView(View):
    """A member's part of a deal, with its amount."""

    member_id: UUID
    share: Exact
    amount: MoneyView


class DealView(View):
    """A deal at its present version."""

    id: UUID
    version: int
    external: ExternalView | None
    name: str
    stage: DealStage
    owner_id: UUID
    account_id: UUID | None
    amount: MoneyView
    lines: list[LineView]
    shares: list[ShareView]
    opened_on: date
    closed_on: date | None

    @classmethod
    def of(cls, deal: Deal) -> "DealView":
        """Return the view of a deal."""
        terms = deal.terms
        parts = terms.amount.split([share.share for share in terms.shares])
        return cls(
            id=deal.id,
            version=deal.version,
            external=ExternalView.of(deal.external),
            name=terms.name,
            stage=deal.stage,
            owner_id=terms.owner_id,
            account_id=terms.account_id,
            amount=MoneyView.of(terms.amount),
            lines=[
                LineView(
                    product_id=line.product_id,
                    quantity=line.quantity,
                    amount=MoneyView.of(line.amount),
                )
                for line in terms.lines
            ],
            shares=[
                ShareView(member_id=share.member_id, share=share.share, amount=MoneyView.of(part))
                for share, part in zip(terms.shares, parts, strict=True)
            ],
            opened_on=terms.opened_on,
            closed_on=deal.closed_on,
        )


class OutcomeView(View):
    """What a record did."""

    id: UUID
    external: ExternalView | None
    version: int
    outcome: Literal["created", "updated", "unchanged"]

    @classmethod
    def of(cls, outcome: commands.Outcome) -> "OutcomeView":
        """Return the view of an outcome."""
        deal = outcome.deal
        word: Literal["created", "updated", "unchanged"] = "updated"
        if outcome.before is None:
            word = "created"
        elif outcome.before == deal.version:
            word = "unchanged"
        return cls(
            id=deal.id,
            external=ExternalView.of(deal.external),
            version=deal.version,
            outcome=word,
        )


class OutcomesView(View):
    """What each record did, in the order of the request."""

    deals: list[OutcomeView]


@router.post(
    "/deals",
    status_code=201,
    openapi_extra=needs("deals:write", key=True),
    response_model=DealView,
)
async def open_deal(body: DealTerms, call: CallOf) -> Response:
    """Open a deal."""
    return await call.create(
        DealView.of, commands.open_deal, owner_id=body.owner_id, draft_of=body.draft
    )


@router.get("/deals", openapi_extra=needs("deals:read"), response_model=Page[DealView])
async def list_deals(
    request: Request,
    call: CallOf,
    query: ListOf,
    owner_id: UUID | None = None,
    stage: DealStage | None = None,
) -> Response:
    """List deals, those of an owner or in a stage where one is given."""
    return await listed(
        request,
        call,
        queries.DEALS,
        DealView.of,
        query,
        within=call.scope(queries.OWNED),
        owner_id=owner_id,
        stage=stage,
    )


@router.get(
    "/deals/by-external/{source}/{external_id:path}",
    openapi_extra=needs("deals:read"),
    response_model=DealView,
)
async def read_deal_by_external(
    source: Annotated[Code, Path()], external_id: Annotated[Code, Path()], call: CallOf
) -> Response:
    """Return the deal of an external id."""
    return await call.one(
        DealView.of, queries.by_external, External(source, external_id), call.scope(queries.OWNED)
    )


@router.get(
    "/deals/export",
    openapi_extra=needs("deals:read"),
    response_class=Response,
    responses=FILES,
)
async def export_deals(
    call: CallOf, query: ExportOf, owner_id: UUID | None = None, stage: DealStage | None = None
) -> Response:
    """Download all deals that the list would show, as CSV, XLSX or NDJSON.

    In CSV, text that a spreadsheet would take for a formula begins with an apostrophe; an import
    takes it off again.
    """
    return await exported(
        call,
        "deals",
        queries.DEALS,
        DealView.of,
        query,
        within=call.scope(queries.OWNED),
        owner_id=owner_id,
        stage=stage,
    )


@router.get("/deals/{deal_id}", openapi_extra=needs("deals:read"), response_model=DealView)
async def read_deal(deal_id: UUID, call: CallOf) -> Response:
    """Return a deal."""
    return await call.one(DealView.of, queries.one, deal_id, call.scope(queries.OWNED))


@router.patch(
    "/deals/{deal_id}",
    openapi_extra=needs("deals:write", version=True),
    response_model=DealView,
)
async def edit_deal(deal_id: UUID, body: DealEdit, call: CallOf) -> Response:
    """Change a deal, open or closed; what it posted follows to the cent.

    A new owner takes over the whole deal unless it is split; then the shares stay.
    """
    return await call.run(DealView.of, commands.edit_deal, deal_id=deal_id, changes=body.changes())


@router.post(
    "/deals/{deal_id}/transitions",
    openapi_extra=needs("deals:write"),
    response_model=DealView,
)
async def move_deal(deal_id: UUID, body: TransitionBody, call: CallOf) -> Response:
    """Win, lose or reopen a deal. Attainment and pay follow within milliseconds."""
    transition = Transition(deal_id, body.to, body.on)
    return await call.run(DealView.of, commands.move_deal, transition=transition)


@router.post("/deals/bulk", openapi_extra=needs("deals:write"), response_model=OutcomesView)
async def record_deals(body: DealRecords, call: CallOf) -> Response:
    """Make up to 100 deals the same as another system's. Sending them again changes nothing."""
    return await call.imported(Origin(body.origin)).run(
        _outcomes, commands.record_deals, drafts=[deal.record() for deal in body.deals]
    )


def _outcomes(outcomes: Sequence[commands.Outcome]) -> OutcomesView:
    return OutcomesView(deals=[OutcomeView.of(outcome) for outcome in outcomes])


def _lines(lines: Lines) -> tuple[Line, ...]:
    return tuple(line.line() for line in lines)


def _shares(shares: Shares) -> tuple[Share, ...]:
    return tuple(share.part() for share in shares)
