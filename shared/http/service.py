"""The service factory: a service says what it is, the chassis makes an app of it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, FastAPI

from shared.events.consumer import Subscription
from shared.events.snapshot import SnapshotOf
from shared.events.tail import Tail
from shared.events.watch import Figure
from shared.http import (
    audit,
    event_stream,
    events,
    operations,
    problems,
    repair,
    system,
    vitals,
)
from shared.http import snapshots as snapshot_routes
from shared.http.cors import Cors
from shared.http.documents import api as documents
from shared.http.documents import schema
from shared.http.documents.examples import CHASSIS, recorded
from shared.http.documents.openapi import Described
from shared.http.middleware import BodyLimit, Failures, RequestScope
from shared.http.places import Places
from shared.http.rates import Rates
from shared.http.routes import check
from shared.http.shedding import Shedding
from shared.jobs import api as imports
from shared.jobs import operations as import_operations
from shared.jobs.chores import import_chores, import_figures
from shared.jobs.importer import Importer
from shared.jobs.profiles import api as import_profiles
from shared.runtime import Chore, Role, Runtime
from shared.settings import ServiceSettings
from shared.webhooks import api as webhooks
from shared.webhooks import queries as webhook_figures
from shared.webhooks.delivery import api as deliveries


@dataclass(frozen=True, slots=True)
class Service:
    """What a service is: its name and title, its routers, what it listens to and works off.

    ``snapshots`` are the facts that its events tell of, as they are now, by noun; ``figures`` the
    gauges that it adds to those of the chassis; ``importers`` what can be imported;
    ``transitions`` the steps from each stage of an object to others, by the name of its list.
    """

    name: str
    title: str
    routers: Sequence[APIRouter]
    migrations: Path
    subscriptions: Sequence[Subscription] = ()
    chores: Sequence[Chore] = ()
    snapshots: Mapping[str, SnapshotOf] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    importers: Sequence[Importer] = ()
    transitions: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    description: str = ""
    chassis: Sequence[APIRouter] = field(
        default=(
            system.router,
            event_stream.router,
            events.router,
            snapshot_routes.router,
            operations.router,
            repair.router,
            vitals.router,
            audit.router,
            webhooks.router,
            deliveries.router,
            imports.router,
            import_profiles.router,
            import_operations.router,
            documents.router,
            schema.router,
        ),
        init=False,
    )

    @property
    def all_figures(self) -> Sequence[Figure]:
        """Return the gauges of the chassis and the service's own."""
        return (
            Figure(
                "webhooks_failing",
                "Active webhooks without a success for an hour.",
                webhook_figures.failing,
            ),
            Figure("webhooks_disabled", "Disabled webhooks.", webhook_figures.disabled),
            Figure(
                "webhooks_behind",
                "Events that the active webhook furthest behind has not looked at.",
                webhook_figures.behind,
            ),
            *import_figures(self.importers),
            *self.figures,
        )


def create_app(service: Service, settings: ServiceSettings, role: Role = Role.ALL) -> FastAPI:
    """Return the app of a service; its lifespan starts and stops all that runs behind it.

    Raises RouteWithoutPermission for a route that does not say who may take it.
    """
    profiles = service.migrations.parent / "profiles"
    # Routes are tried in their order, and a service's own are asked for most.
    routers = [*(service.routers if role is not Role.WORKER else ()), *service.chassis]
    check(routers)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runtime = await Runtime.assemble(service.name, settings, service.subscriptions)
        app.state.runtime = runtime
        tail = Tail(runtime.database, service.name, runtime.doorbells)
        app.state.streams = event_stream.Streams(tail, settings.stream_limit)
        try:
            chores = [*service.chores, *import_chores(service.importers, profiles, runtime)]
            await runtime.start(role, chores, service.all_figures)
            yield
        finally:
            await tail.stop()
            await runtime.stop()

    app = FastAPI(
        title=service.title,
        description=service.description,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in routers:
        app.router.routes.extend(router.routes)
    problems.install(app)
    app.state.service = service.name
    app.state.below = f"{settings.public_url}/{service.name}"
    app.state.documents = documents.Documents(app, _described(service, settings, routers))
    app.state.transitions = service.transitions
    app.state.snapshots = service.snapshots
    app.state.figures = service.all_figures
    app.state.importers = {importer.noun: importer for importer in service.importers}
    app.state.profiles = profiles
    app.state.newest_revision = newest_revision(service.migrations)
    _surround(app, service.name, settings)
    return app


def _surround(app: FastAPI, service: str, settings: ServiceSettings) -> None:
    """Put around the routes what holds for every request; what is added last is outermost.

    Whoever is outer marks what the inner ones answer: ids first, then what a browser must see on
    every answer, also on that of a request that was shed.
    """
    larger = {"/v1/imports": settings.upload_limit_bytes}
    app.add_middleware(BodyLimit, limit=settings.body_limit_bytes, larger=larger)
    app.add_middleware(Failures)
    app.state.places = Places(settings.slots, settings.queue_limit, settings.queue_ms / 1000)
    app.add_middleware(Shedding, places=app.state.places)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins)
    app.add_middleware(RequestScope, service=service, below=app.state.below)
    app.state.rates = Rates(settings.rate_limit, settings.rate_window_seconds)


def _described(
    service: Service, settings: ServiceSettings, routers: Sequence[APIRouter]
) -> Described:
    return Described(
        name=service.name,
        title=service.title,
        description=service.description,
        below=f"{settings.public_url}/{service.name}",
        issuer=settings.issuer,
        routers=routers,
        installation=settings.installation,
        subscriptions=service.subscriptions,
        recorded=recorded(service.migrations.parent / "examples.json", CHASSIS),
    )


def newest_revision(migrations: Path) -> str:
    """Return the revision that a release was made for: its migrations are named by number."""
    return max(file.stem.partition("_")[0] for file in migrations.glob("[0-9]*.py"))
