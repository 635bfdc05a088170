"""Health and metrics: liveness asks nothing, readiness asks the database only."""

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.db import UNAVAILABLE, DatabaseUnavailable
from shared.http.routes import PUBLIC, needs, routes
from shared.http.server.refusals import PROCESS
from shared.runtime import Runtime

router = routes("system", prefix="")


@router.get("/health/live", openapi_extra=needs(PUBLIC))
async def live() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "alive"}


@router.get("/health/ready", openapi_extra=needs(PUBLIC))
async def ready(request: Request) -> Response:
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
