"""Routes of credits."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response

from services.performance.credits import queries
from services.performance.credits.model import Entry
from shared.auth.pay import PAY
from shared.contracts.targets import Metric
from shared.fields import Code, Id, View
from shared.http.call import Call, CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.money import figure
from shared.sql import Condition, all_of

router = routes("credits", "The ledger of what counts for a payee, deal by deal.")


class CreditView(View):
    """An entry of the credit ledger; `currency` is null for metrics that are no money.

    `commission_amount` is null for callers who may not see what the payee is paid.
    """

    id: UUID
    payee_id: UUID
    occurred_on: date
    metric: Metric
    quota_amount: str
    commission_amount: Annotated[str | None, PAY]
    currency: str | None
    fact_id: UUID
    fact_version: int
    cause_id: UUID
    source: str
    partition: int
    number: int
    posted_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> "CreditView":
        """Return the view of an entry."""
        key = entry.key
        return cls(
            id=entry.id,
            payee_id=key.payee_id,
            occurred_on=key.occurred_on,
            metric=key.metric,
            quota_amount=figure(entry.amounts.quota, key.currency),
            commission_amount=figure(entry.amounts.commission, key.currency),
            currency=key.currency or None,
            fact_id=entry.fact_id,
            fact_version=entry.fact_version,
            cause_id=entry.cause_id,
            source=entry.source,
            partition=entry.partition,
            number=entry.number,
            posted_at=entry.posted_at,
        )


Payee = Annotated[Id, Query()]
PeriodName = Annotated[Code, Query(description="Such as 2017-Q2.")]


@router.get("/credits", openapi_extra=needs("credits:read"), response_model=Page[CreditView])
async def list_credits(
    request: Request, call: CallOf, query: ListOf, payee_id: Payee, period: PeriodName
) -> Response:
    """List what was posted to a payee's credits in a period, by the day on which it counts."""
    return await listed(
        request,
        call,
        queries.CREDITS,
        CreditView.of,
        query,
        within=_within(call, period),
        payee=_payee,
        payee_id=payee_id,
    )


@router.get(
    "/credits/export",
    openapi_extra=needs("credits:read"),
    response_class=Response,
    responses=FILES,
)
async def export_credits(
    call: CallOf, query: ExportOf, payee_id: Payee, period: PeriodName
) -> Response:
    """Download what was posted to a payee's credits in a period, as CSV, XLSX or NDJSON."""
    return await exported(
        call,
        "credits",
        queries.CREDITS,
        CreditView.of,
        query,
        within=_within(call, period),
        payee=_payee,
        payee_id=payee_id,
    )


def _within(call: Call, period: str) -> Condition:
    days = call.ctx.installation.calendar.named(period).period
    return all_of([queries.counted_in(days), call.scope(queries.OWNED)])


def _payee(entry: Entry) -> UUID:
    return entry.key.payee_id
