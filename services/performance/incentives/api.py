"""Routes of incentives."""

from datetime import date, datetime
from uuid import UUID

from fastapi.responses import Response

from services.performance.incentives import commands, queries
from services.performance.incentives.model import Backlog, Taken
from shared.fields import View
from shared.http.call import CallOf
from shared.http.page import LIMIT_MAX
from shared.http.routes import needs, routes

router = routes("incentives", "The work of recalculating what payees earn.")


class FailureView(View):
    """A payee who could not be worked out, and why; whatever marks the payee again is a try."""

    payee_id: UUID
    since: date
    failed_at: datetime
    reason: str


class BacklogView(View):
    """How many payees wait, how many could not be worked out, and up to 200 of these."""

    waiting: int
    failed: int
    failures: list[FailureView]

    @classmethod
    def of(cls, backlog: Backlog) -> "BacklogView":
        """Return the view of a backlog."""
        failures = [
            FailureView(
                payee_id=failure.payee_id,
                since=failure.since,
                failed_at=failure.failed_at,
                reason=failure.reason,
            )
            for failure in backlog.failures
        ]
        return cls(waiting=backlog.waiting, failed=backlog.failed, failures=failures)


class TakenView(View):
    """A payee who waits again to be worked out, from a day on."""

    payee_id: UUID
    since: date

    @classmethod
    def of(cls, taken: Taken) -> "TakenView":
        """Return the view of a mark that was taken up again."""
        return cls(payee_id=taken.payee_id, since=taken.since)


@router.get("/recalculations", openapi_extra=needs("operations:read"))
async def read_recalculations(call: CallOf) -> BacklogView:
    """Return how many payees wait to be worked out again, and who could not be and why."""
    return BacklogView.of(await call.read(queries.backlog, LIMIT_MAX))


@router.post(
    "/recalculations/{payee_id}/retry",
    openapi_extra=needs("operations:write"),
    response_model=TakenView,
)
async def retry_recalculation(payee_id: UUID, call: CallOf) -> Response:
    """Work out again a payee who was set aside, once the reason is mended."""
    return await call.run(TakenView.of, commands.retry, payee_id=payee_id)
