"""Health and metrics: liveness asks nothing, readiness asks the database only."""

from typing import Any, Final, Literal

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.db import UNAVAILABLE, DatabaseUnavailable
from shared.fields import View
from shared.http.routes import PUBLIC, needs, routes
from shared.http.server.refusals import PROCESS
from shared.runtime import Runtime

router = routes("system", "Whether the process is alive and ready.", prefix="")


class Liveness(View):
    """The process answers."""

    status: Literal["alive"]


class Readiness(View):
    """Whether the service does its work; `work` names what keeps it from that."""

    status: Literal["ready", "waiting"]
    database: Literal["connected", "away"]
    broker: Literal["connected", "away"] | None = None
    work: str | None = None


_WAITS: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": Readiness, "description": "The service waits; it tells for what."}
}


@router.get("/health/live", openapi_extra=needs(PUBLIC))
async def read_liveness() -> Liveness:
    """Tell that the process answers."""
    return Liveness(status="alive")


@router.get(
    "/health/ready", openapi_extra=needs(PUBLIC), response_model=Readiness, responses=_WAITS
)
async def read_readiness(request: Request) -> Response:
    """Tell whether the service does its work: 200, or 503 with what it waits for.

    That is the database, or what keeps the background work from beginning. The broker is told but
    does not count: without it events wait in the log.
    """
    runtime: Runtime = request.app.state.runtime
    try:
        async with runtime.database.acquire() as conn:
            await conn.fetchval("SELECT 1", timeout=2)
    except (DatabaseUnavailable, *UNAVAILABLE):
        return JSONResponse({"status": "waiting", "database": "away"}, status_code=503)
    if runtime.hindrance is not None:
        hindered = {"status": "waiting", "database": "connected", "work": runtime.hindrance}
        return JSONResponse(hindered, status_code=503)
    broker = "connected" if runtime.broker.connected else "away"
    return JSONResponse({"status": "ready", "database": "connected", "broker": broker})


@router.get("/metrics", openapi_extra=needs(PUBLIC), include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return the figures in the Prometheus text format."""
    runtime: Runtime = request.app.state.runtime
    figures = generate_latest(runtime.metrics.registry) + generate_latest(PROCESS)
    return PlainTextResponse(figures, media_type=CONTENT_TYPE_LATEST)
