"""The matrix is worth something: with any one scope taken out, it fails."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from shared.auth import scope
from shared.auth.scope import Owned, Sight
from shared.contracts.roles import Breadth
from shared.http.call import Call
from shared.sql import Condition, Parameters, anything
from tests.architecture.source import ROOT
from tests.authorisation.office import Office
from tests.authorisation.reading import leaks
from tests.authorisation.table import lines
from tests.authorisation.test_writing import (
    test_a_deal_is_changed_by_who_reaches_its_owner as deals_are_held,
)

SCOPED = [one.path for one in lines() if one.method == "GET" and one.letter("rep") == "o"]


def declarations() -> Iterator[tuple[str, str]]:
    """Yield module and name of every declaration of whose the rows of a listing are."""
    for path in sorted((ROOT / "services").glob("*/*/queries.py")):
        name = ".".join(Path(path).relative_to(ROOT).with_suffix("").parts)
        for what, value in vars(import_module(name)).items():
            if isinstance(value, Owned):
                yield name, what


DECLARED = list(declarations())


class Everybody:
    """Says that a row is everybody's."""

    def within(self, _: Sight, __: Parameters) -> str:
        return "true"


def asks_for(template: str, route: str) -> bool:
    """Tell whether a path of the matrix is one of a route."""
    path = re.sub(r"{\w*}", "x", template.partition("?")[0]).replace("2017-Q2", "x")
    path = re.sub("external/\\w+", "external/x", path)
    return path == re.sub(r"{\w+}", "x", route)


async def first_leak(office: Office, route: str | None = None) -> str | None:
    wanted = leaks(office, lambda path: route is None or asks_for(path, route))
    async for leak in wanted:
        return leak
    return None


@pytest.mark.parametrize("route", SCOPED)
async def test_a_route_without_its_scope_is_noticed(
    office: Office, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, sight = Call.scope, Call.sight

    def is_mutated(call: Call) -> bool:
        asked = call.ctx.asked
        return asked is not None and re.sub(r":\w+}", "}", asked.route) == route

    def no_scope(call: Call, owned: Owned, permission: str | None = None) -> Condition:
        return anything if is_mutated(call) else seen(call, owned, permission)

    def no_bounds(call: Call, permission: str | None = None) -> Sight:
        far = sight(call, permission)
        return Sight(far.member_id, Breadth.ALL, far.day) if is_mutated(call) else far

    monkeypatch.setattr(Call, "scope", no_scope)
    monkeypatch.setattr(Call, "sight", no_bounds)
    assert await first_leak(office, route) is not None


@pytest.mark.parametrize(("module", "name"), DECLARED)
async def test_a_declaration_that_says_everybody_is_noticed(
    office: Office, module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module(module), name, Owned(Everybody()))
    assert await first_leak(office) is not None


async def test_a_change_that_is_not_held_to_its_reach_is_noticed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> set[object]:
        return set()

    monkeypatch.setattr(scope, "members_outside", nobody)
    with pytest.raises(AssertionError):
        await deals_are_held(office, "周销售")


def test_every_noun_that_belongs_to_somebody_says_so() -> None:
    assert {module.split(".")[2] for module, _ in DECLARED} == {
        *("accounts", "deals", "targets", "attainment"),
        *("plans", "assignments", "credits", "statements"),
    }
