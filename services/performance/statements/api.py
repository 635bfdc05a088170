"""Routes of statements."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from services.performance.incentives.model import Explained, LeftOut, Line, Note, Part, Words
from services.performance.statements import commands, queries
from services.performance.statements.model import LedgerLine, Statement, Total
from shared.fields import Code, MoneyView, View
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.money import Money

router = routes("statements", "What a payee earned in a quarter, and why, to the cent.")

PeriodName = Annotated[Code, Path(description="Such as 2017-Q2.")]
OfPeriod = Annotated[Code, Query(description="Such as 2017-Q2.")]


class WordsView(View):
    """An explanation in both languages."""

    en: str
    zh: str

    @classmethod
    def of(cls, words: Words) -> "WordsView":
        """Return the view of an explanation."""
        return cls(en=words.en, zh=words.zh)


class LineView(View):
    """What one tier brought: its row with bounds as amounts, the slice in it, and the result.

    `exact` is slice × rate; `amount` is round(cumulative exact) less that of the lines before, so
    the lines sum to the component's amount.
    """

    tier: int
    start: MoneyView = Field(serialization_alias="from")
    end: MoneyView | None = Field(serialization_alias="to")
    rate: str
    slice: MoneyView
    exact: MoneyView
    amount: MoneyView
    text: WordsView

    @classmethod
    def of(cls, line: Line) -> "LineView":
        """Return the view of a line."""
        return cls(
            tier=line.tier,
            start=MoneyView.of(line.start),
            end=_money(line.end),
            rate=str(line.rate),
            slice=MoneyView.of(line.slice),
            exact=MoneyView.of(line.exact),
            amount=MoneyView.of(line.amount),
            text=WordsView.of(line.words),
        )


class NoteView(View):
    """Something that a reader of the amount must know."""

    code: str
    text: WordsView

    @classmethod
    def of(cls, note: Note) -> "NoteView":
        """Return the view of a note."""
        return cls(code=note.code, text=WordsView.of(note.words))


class LeftOutView(View):
    """Credits that were not counted because they are in another currency."""

    amount: MoneyView
    credits: int

    @classmethod
    def of(cls, left_out: LeftOut) -> "LeftOutView":
        """Return the view of what was left out."""
        return cls(amount=MoneyView.of(left_out.amount), credits=left_out.credits)


class PartView(View):
    """A deal behind a component, in order: with what came before it, and what it brought."""

    fact_id: UUID
    occurred_on: date
    amount: MoneyView
    cumulative: MoneyView
    commission: MoneyView

    @classmethod
    def of(cls, part: Part) -> "PartView":
        """Return the view of a deal's part."""
        return cls(
            fact_id=part.fact_id,
            occurred_on=part.occurred_on,
            amount=MoneyView.of(part.amount),
            cumulative=MoneyView.of(part.cumulative),
            commission=MoneyView.of(part.commission),
        )


class ComponentView(View):
    """What a component pays, and why.

    `lines` and `credits` each sum to `amount`; `posted` is what the ledger adds up to, the same.
    """

    incentive_id: UUID
    version: int
    plan_id: UUID
    plan_version: int
    component: str
    amount: MoneyView
    posted: MoneyView
    measured: MoneyView
    quota: MoneyView | None
    attainment: str | None
    lines: list[LineView]
    notes: list[NoteView]
    left_out: list[LeftOutView]
    credits: list[PartView]

    @classmethod
    def of(cls, explained: Explained) -> "ComponentView":
        """Return the view of an incentive with its explanation."""
        head, incentive = explained.head, explained.head.incentive
        measured, attainment = incentive.measured, incentive.attainment
        return cls(
            incentive_id=head.key.id,
            version=head.version,
            plan_id=head.key.plan_id,
            plan_version=head.plan_version,
            component=head.key.component,
            amount=MoneyView.of(incentive.amount),
            posted=MoneyView.of(explained.posted),
            measured=MoneyView.of(measured.amount),
            quota=_money(measured.quota),
            attainment=None if attainment is None else str(attainment),
            lines=[LineView.of(line) for line in incentive.lines],
            notes=[NoteView.of(note) for note in incentive.notes],
            left_out=[LeftOutView.of(left_out) for left_out in measured.left_out],
            credits=[PartView.of(part) for part in explained.parts],
        )


class StatementView(View):
    """What a payee earned in a period. `waits`: a change is still being worked in."""

    payee_id: UUID
    period: str
    start: date
    end: date
    waits: bool
    totals: list[MoneyView]
    components: list[ComponentView]

    @classmethod
    def of(cls, statement: Statement) -> "StatementView":
        """Return the view of a statement."""
        return cls(
            payee_id=statement.payee_id,
            period=statement.period.name,
            start=statement.period.period.start,
            end=statement.period.period.end,
            waits=statement.waits,
            totals=_amounts(statement.totals),
            components=[ComponentView.of(explained) for explained in statement.incentives],
        )


class TotalView(View):
    """What a payee earned in a period, one amount per currency."""

    payee_id: UUID
    totals: list[MoneyView]

    @property
    def id(self) -> UUID:
        """Return what a list of these is ordered by."""
        return self.payee_id

    @classmethod
    def of(cls, total: Total) -> "TotalView":
        """Return the view of a total."""
        return cls(payee_id=total.payee_id, totals=_amounts(total.amounts))


class EntryView(View):
    """A line of the ledger. The cause is a range of a source's events, or else a request.

    `partition`, `first` and `last` are null for a request or for work that was put off; the
    correlation id leads to it.
    """

    id: UUID
    plan_id: UUID
    plan_version: int
    component: str
    tier: int
    amount: MoneyView
    source: str
    partition: int | None
    first: int | None
    last: int | None
    correlation_id: UUID
    posted_at: datetime

    @classmethod
    def of(cls, line: LedgerLine) -> "EntryView":
        """Return the view of a line of the ledger."""
        return cls(
            id=line.id,
            plan_id=line.plan_id,
            plan_version=line.plan_version,
            component=line.component,
            tier=line.tier,
            amount=MoneyView.of(line.amount),
            source=line.cause.source,
            partition=line.cause.partition,
            first=line.cause.first,
            last=line.cause.last,
            correlation_id=line.correlation_id,
            posted_at=line.posted_at,
        )


@router.get("/statements", openapi_extra=needs("statements:read"), response_model=Page[TotalView])
async def list_statements(
    request: Request, call: CallOf, query: ListOf, period: OfPeriod
) -> Response:
    """List what everybody within reach earned in a period, by payee."""
    name = queries.quarter_named(call.ctx.installation.calendar, period).name
    return await listed(
        request,
        call,
        queries.TOTALS,
        TotalView.of,
        query,
        within=call.scope(queries.OWNED),
        period=name,
    )


@router.get(
    "/statements/export",
    openapi_extra=needs("statements:read"),
    response_class=Response,
    responses=FILES,
)
async def export_statements(call: CallOf, query: ExportOf, period: OfPeriod) -> Response:
    """Download what everybody within reach earned in a period, as CSV, XLSX or NDJSON."""
    return await exported(
        call,
        "statements",
        queries.TOTALS,
        TotalView.of,
        query,
        within=call.scope(queries.OWNED),
        period=queries.quarter_named(call.ctx.installation.calendar, period).name,
    )


@router.get(
    "/statements/{payee_id}/{period}",
    openapi_extra=needs("statements:read"),
    response_model=StatementView,
)
async def read_statement(payee_id: UUID, period: PeriodName, call: CallOf) -> Response:
    """Return what a payee earned in a period: every line with its reason, every deal behind it."""
    calendar = call.ctx.installation.calendar
    named = queries.quarter_named(calendar, period)
    return await call.derived(
        StatementView.of, commands.draw_up, calendar, call.sight(), payee_id, named
    )


@router.get(
    "/statements/{payee_id}/{period}/entries",
    openapi_extra=needs("statements:read"),
    response_model=Page[EntryView],
)
async def list_entries(
    payee_id: UUID, period: PeriodName, request: Request, call: CallOf, query: ListOf
) -> Response:
    """List the ledger behind a statement as it was posted; its sum is the statement's."""
    name = queries.quarter_named(call.ctx.installation.calendar, period).name
    return await listed(
        request,
        call,
        queries.ENTRIES,
        EntryView.of,
        query,
        within=call.scope(queries.OWNED_ENTRIES),
        payee_id=payee_id,
        period=name,
    )


@router.get(
    "/statements/{payee_id}/{period}/entries/export",
    openapi_extra=needs("statements:read"),
    response_class=Response,
    responses=FILES,
)
async def export_entries(
    payee_id: UUID, period: PeriodName, call: CallOf, query: ExportOf
) -> Response:
    """Download the ledger behind a statement as it was posted, as CSV, XLSX or NDJSON."""
    return await exported(
        call,
        "entries",
        queries.ENTRIES,
        EntryView.of,
        query,
        within=call.scope(queries.OWNED_ENTRIES),
        payee_id=payee_id,
        period=queries.quarter_named(call.ctx.installation.calendar, period).name,
    )


def _money(money: Money | None) -> MoneyView | None:
    return None if money is None else MoneyView.of(money)


def _amounts(amounts: Iterable[Money]) -> list[MoneyView]:
    return [MoneyView.of(money) for money in amounts]
