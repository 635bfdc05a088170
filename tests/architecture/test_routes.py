"""Every route of every service is meant for somebody, and only the chassis has public ones."""

from collections.abc import Iterable, Iterator
from importlib import import_module

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.contracts.contract import contracts
from shared.contracts.roles import ROLES
from shared.http.routes import PUBLIC, needs, permission_of, routes
from shared.http.service import Service
from tests.architecture.source import ROOT

SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/service.py"))
PUBLIC_ROUTES = {
    *("/health/live", "/health/ready", "/metrics"),
    *("/problems", "/problems/{code}", "/v1/openapi.json", "/v1/asyncapi.json"),
    "/v1/schema",  # for every token, and it tells each caller of their own permissions
}
GRANTED = frozenset[str]().union(*ROLES.values())


def service(name: str) -> Service:
    """Return what a service says it is."""
    declared = import_module(f"services.{name}.service").SERVICE
    assert isinstance(declared, Service)
    return declared


def granted_to_nobody(routers: Iterable[APIRouter]) -> Iterator[str]:
    """Yield the routes that no role may take, and the public ones."""
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, APIRoute) and permission_of(route) not in GRANTED:
            yield f"{route.path} asks for {permission_of(route)}"


def open_to_any_text(routers: Iterable[APIRouter]) -> Iterator[str]:
    """Yield parameters of routes that take a NUL: no text of the database can hold one."""
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, APIRoute):
            for name in _open_to_any_text(route.dependant):
                yield f"{route.path} takes any text as {name}"


def _open_to_any_text(dependant: Dependant) -> Iterator[str]:
    for field in (*dependant.path_params, *dependant.query_params):
        _, refused = field.validate("\0", {}, loc=())
        if not refused:
            yield field.name
    for inner in dependant.dependencies:
        yield from _open_to_any_text(inner)


@pytest.mark.parametrize("name", SERVICES)
def test_no_parameter_of_a_route_is_bare_text(name: str) -> None:
    declared = service(name)
    assert list(open_to_any_text([*declared.chassis, *declared.routers])) == []


@pytest.mark.parametrize("name", SERVICES)
def test_each_route_of_a_noun_asks_for_a_permission_that_some_role_has(name: str) -> None:
    assert list(granted_to_nobody(service(name).routers)) == []


@pytest.mark.parametrize("name", SERVICES)
def test_the_only_public_routes_are_health_figures_and_descriptions(name: str) -> None:
    open_to_all = {rule.split(" asks for ")[0] for rule in granted_to_nobody(service(name).chassis)}
    assert open_to_all <= PUBLIC_ROUTES


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_named_after_its_folder_and_has_its_own_migrations(name: str) -> None:
    assert service(name).name == name
    assert service(name).migrations == ROOT / "services" / name / "migrations"


def test_a_service_may_read_every_event_that_it_may_be_sent() -> None:
    assert {contract.READ for contract in contracts().values()} <= ROLES["service"].keys()


@pytest.mark.parametrize("permission", [PUBLIC, "deals:reed"])
def test_a_route_for_nobody_or_for_everybody_is_found(permission: str) -> None:
    router = routes("deals")

    @router.get("/deals", openapi_extra=needs(permission))
    async def deals() -> None:
        """Stand for a route that was not thought about."""

    assert list(granted_to_nobody([router])) == [f"/v1/deals asks for {permission}"]


def test_a_bare_text_parameter_is_found() -> None:
    router = routes("deals")

    @router.get("/deals/{code}", openapi_extra=needs("deals:read"))
    async def deals(code: str, period: str | None = None, limit: int = 1) -> None:
        """Stand for a route that takes what it is sent."""

    assert list(open_to_any_text([router])) == [
        "/v1/deals/{code} takes any text as code",
        "/v1/deals/{code} takes any text as period",
    ]
