"""Vital signs over HTTP: what an operator's tools ask a service about itself."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from fastapi import Request

from shared import clock
from shared.db import Connection
from shared.events import vitals
from shared.events.vitals import Vitals
from shared.events.watch import Figure
from shared.fields import View
from shared.http.call import CallOf
from shared.http.routes import needs, routes

router = routes("operations")


class RelayView(View):
    """A partition of the log: its last number, and the last one that the broker has."""

    partition: int
    head: int
    acknowledged: int


class LeaseView(View):
    """A right that one process holds; `seconds` until it runs out unless it is renewed."""

    name: str
    holder: UUID
    held: bool
    seconds: float


class ParkedCount(View):
    """How many events of a consumer wait for a decision."""

    consumer: str
    source: str
    partition: int
    events: int


class FigureView(View):
    """A figure of the service's own."""

    name: str
    value: int


class VitalsView(View):
    """How the service's events stand, and its audit trail.

    `audit_head` is the number of the last sealed change, `audit_unsealed_age_seconds` the age of
    the oldest one that is not sealed.
    `clock_ahead_seconds` is the service's clock less the database's; `revision` the one that the
    schema has, `newest_revision` the one that this release was made for.
    """

    outbox_age_seconds: float
    audit_unsealed_age_seconds: float
    audit_head: int
    relays: list[RelayView]
    leases: list[LeaseView]
    parked: list[ParkedCount]
    log_default_rows: int
    figures: list[FigureView]
    revision: str
    newest_revision: str
    service_time: datetime
    clock_ahead_seconds: float


@router.get("/vitals", openapi_extra=needs("operations:read"))
async def read_vitals(request: Request, call: CallOf) -> VitalsView:
    """Tell how this service's events stand: outbox, log, leases, parked events, schema, clock."""
    figures: Sequence[Figure] = request.app.state.figures
    newest: str = request.app.state.newest_revision
    found, counts, ahead = await call.read(_read, figures)
    return VitalsView(
        outbox_age_seconds=found.outbox_age,
        audit_unsealed_age_seconds=found.audit_age,
        audit_head=found.audit_head,
        relays=[
            RelayView(partition=one.partition, head=one.head, acknowledged=one.acknowledged)
            for one in found.relays
        ],
        leases=[
            LeaseView(name=one.name, holder=one.holder, held=one.held, seconds=one.seconds)
            for one in found.leases
        ],
        parked=[
            ParkedCount(
                consumer=mark.consumer, source=mark.source, partition=mark.partition, events=events
            )
            for mark, events in found.parked.items()
        ],
        log_default_rows=found.default_rows,
        figures=[FigureView(name=name, value=count) for name, count in counts],
        revision=found.revision,
        newest_revision=newest,
        service_time=clock.now(),
        clock_ahead_seconds=ahead,
    )


async def _read(
    conn: Connection, figures: Sequence[Figure]
) -> tuple[Vitals, list[tuple[str, int]], float]:
    before = clock.now()
    there = await vitals.database_time(conn)
    after = clock.now()
    # Between two looks at our clock lies one at the other: the middle is compared.
    ahead = (before + (after - before) / 2 - there).total_seconds()
    counts = [(figure.name, await figure.count(conn)) for figure in figures]
    return await vitals.read(conn), counts, ahead
