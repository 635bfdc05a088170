"""Routes of operations: work that takes its time, watched and cancelled."""

from collections.abc import AsyncGenerator
from functools import partial
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from shared import clock
from shared.errors import Language
from shared.http.call import Call, CallOf
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.problems import language_of
from shared.http.routes import needs, routes
from shared.http.sse import MEDIA_TYPE, EventStream, Message
from shared.jobs import commands, queries
from shared.jobs.api import AcceptLanguage, whose
from shared.jobs.model import Job
from shared.jobs.views import OperationView

router = routes("imports")

LOOK_SECONDS = 0.5


@router.get("/operations", openapi_extra=needs("imports:write"), response_model=Page[OperationView])
async def list_operations(
    request: Request, call: CallOf, query: ListOf, accept_language: AcceptLanguage = ""
) -> Response:
    """List the caller's operations by id; for who oversees imports those of everybody."""
    view = partial(OperationView.of, language=language_of(accept_language))
    return await listed(request, call, queries.JOBS, view, query, created_by=whose(call))


@router.get("/operations/{operation_id}", openapi_extra=needs("imports:write"))
async def read_operation(
    operation_id: UUID, call: CallOf, accept_language: AcceptLanguage = ""
) -> OperationView:
    """Tell where an operation is."""
    job = await call.read(queries.one, operation_id, whose(call))
    return OperationView.of(job, language_of(accept_language))


@router.post(
    "/operations/{operation_id}/cancel",
    openapi_extra=needs("imports:write"),
    response_model=OperationView,
)
async def cancel_operation(
    operation_id: UUID, call: CallOf, accept_language: AcceptLanguage = ""
) -> Response:
    """Stop an operation. The batch under way is finished; what was taken so far stays."""
    language = language_of(accept_language)
    return await call.run(
        lambda job: OperationView.of(job, language),
        commands.cancel,
        job_id=operation_id,
        subject=whose(call),
    )


@router.get(
    "/operations/{operation_id}/stream",
    openapi_extra=needs("imports:write"),
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}, "description": "`operation` events."}},
)
async def stream_operation(
    operation_id: UUID, call: CallOf, accept_language: AcceptLanguage = ""
) -> Response:
    """Follow an operation to its end: an `operation` event each time that something has moved."""
    job = await call.read(queries.one, operation_id, whose(call))
    told = _told(call, job, language_of(accept_language))
    return EventStream(told, until=call.principal.expires_at)


async def _told(call: Call, job: Job, language: Language) -> AsyncGenerator[Message, None]:
    last: bytes | None = None
    while True:
        view = OperationView.of(job, language).model_dump_json().encode()
        if view != last:
            yield Message(view, "operation")
            last = view
        if job.state.is_final:
            return
        await clock.pause(LOOK_SECONDS)
        job = await call.read(queries.one, job.id, None)
