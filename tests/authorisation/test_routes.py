"""Every route of every service has its line in the table, and lets in whom the line names."""

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute

from deploy.serving import load
from shared.http.routes import PUBLIC as PUBLIC_PERMISSION
from shared.http.routes import permission_of
from tests.authorisation import table
from tests.authorisation.office import SERVICES, Office
from tests.authorisation.table import Line, lines

LINES = lines()
STREAMS = {"/v1/events/stream", "/v1/operations/{operation_id}/stream"}
"""They stay open; what is refused is answered at once."""


def declared(service: str) -> Iterator[tuple[str, str, bool]]:
    """Yield method, path, and whether it is public, of every route of a service."""
    found = load(service)
    for router in (*found.routers, *found.chassis):
        for route in router.routes:
            if isinstance(route, APIRoute):
                path = re.sub(r":\w+}", "}", route.path)
                for method in route.methods or ():
                    yield method, path, permission_of(route) == PUBLIC_PERMISSION


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_has_its_line(office: Office, service: str) -> None:
    routes = {(method, path) for method, path, public in declared(service) if not public}
    told = {(one.method, one.path) for one in LINES if one.service in {service, "every"}}
    assert routes == told
    document = (await office.clients[service].get("/v1/openapi.json")).json()
    shown = {
        (method.upper(), re.sub(r":\w+}", "}", path.removeprefix(f"/{service}")))
        for path, operations in document["paths"].items()
        for method in operations
        if path.removeprefix(f"/{service}") not in table.PUBLIC
    }
    assert shown <= told


def test_what_is_public_is_named() -> None:
    assert {path for _, path, public in declared("pipeline") if public} == table.PUBLIC


def _address(line: Line) -> str:
    return re.sub(r"{(\w+)}", lambda match: _PARTS.get(match[1], "x"), line.path)


_IDS = (
    *("account_id", "deal_id", "unit_id", "member_id", "target_id", "attainment_id"),
    *("plan_id", "payee_id", "parked_id", "webhook_id", "delivery_id"),
    *("import_id", "operation_id", "product_id"),
)
_PARTS = {
    **dict.fromkeys(_IDS, "00000000-0000-4000-8000-000000000000"),
    "partition": "0",
    "number": "0",
    "period": "2017-Q2",
}


@pytest.mark.parametrize("role", table.ROLES)
async def test_a_route_lets_in_whom_its_line_names(office: Office, role: str) -> None:
    for line in LINES:
        service = "pipeline" if line.service == "every" else line.service
        if line.path in STREAMS and line.letter(role) != "-":
            continue
        more: dict[str, list[str]] = {} if line.method == "GET" else {"json": []}
        answer = await office.ask(service, "外人", role, line.method, _address(line), **more)
        code = answer.json().get("code") if answer.status_code == 403 else None
        is_let_in = code != "permission_missing" and answer.status_code not in {401, 405}
        assert is_let_in == (line.letter(role) != "-"), (role, line.name, answer.text)


@pytest.mark.parametrize("role", ["rep", "manager"])
async def test_a_line_with_own_rows_shows_none_to_who_is_no_member(
    office: Office, role: str
) -> None:
    for line in LINES:
        if line.method == "GET" and line.letter(role) in {"o", "t"}:
            query = "payee_id={payee_id}&period=2017-Q2".format(**_PARTS)
            path = f"{_address(line)}?{query if 'credits' in line.path else 'period=2017-Q2'}"
            if line.path.endswith("/export"):
                path += "&format=ndjson"
            answer = await office.ask(line.service, "外人", role, "GET", path)
            if answer.status_code == 200 and "ndjson" not in path:
                assert answer.json()["items"] == [], line.name
            else:
                assert answer.content == b"" or answer.status_code == 404, line.name
