"""The matrix is worth something: with any one scope taken out, it fails."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

import pytest

from services.targets.org import rules as org
from shared.auth import four_eyes, scope
from shared.auth.scope import Owned, Sight
from shared.contracts import roles
from shared.contracts.roles import Breadth
from shared.events.envelope import Event
from shared.http.call import Call
from shared.sql import Condition, Parameters, anything
from tests.architecture.source import ROOT
from tests.authorisation.company import REACHES
from tests.authorisation.office import Office, opened
from tests.authorisation.reading import leaks
from tests.authorisation.table import lines
from tests.authorisation.test_events import (
    scopes_held,
)
from tests.authorisation.test_events import (
    test_an_event_of_somebody_out_of_reach_is_withheld as events_are_withheld,
)
from tests.authorisation.test_reading import (
    test_pay_is_null_for_those_who_may_not_see_it as pay_is_null,
)
from tests.authorisation.test_writing import (
    test_a_deal_is_changed_by_who_reaches_its_owner as deals_are_held,
)
from tests.authorisation.test_writing import (
    test_nobody_changes_the_plan_that_pays_them as plans_need_four_eyes,
)
from tests.authorisation.test_writing import (
    test_nobody_decides_on_the_own_pay as pay_needs_four_eyes,
)
from tests.authorisation.test_writing import (
    test_nobody_sets_the_own_target as targets_need_four_eyes,
)
from tests.service.conftest import Installation
from tests.service.test_own_post import Company
from tests.service.test_own_post import (
    test_nobody_decides_on_the_own_post as posts_need_four_eyes,
)
from tests.service.test_own_post import (
    test_nobody_gets_people_to_lead_by_an_own_change as teams_need_four_eyes,
)
from tests.service.test_own_post import (
    test_nobody_moves_the_own_unit_or_one_below_it as units_need_four_eyes,
)

Check: TypeAlias = Callable[[Company, str], Awaitable[None]]

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


@pytest.mark.parametrize("way", ["feed", "stream"])
@pytest.mark.parametrize(
    ("place", "everything"),
    [
        ("shared.http.sights._breadth", lambda *_: Breadth.ALL),
        ("shared.http.event_stream.seen", None),
        ("shared.http.events.seen", None),
    ],
)
async def test_an_event_that_is_told_to_everybody_is_noticed(
    office: Office,
    way: str,
    place: str,
    everything: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def all_of_them(_: Call, events: Sequence[Event]) -> Sequence[Event]:
        return events

    monkeypatch.setattr(place, everything or all_of_them)
    if place.endswith("seen") and ("stream" in place) != (way == "stream"):
        await events_are_withheld(office, "周销售", way)  # the other way is held still
    else:
        with pytest.raises(AssertionError):
            await events_are_withheld(office, "周销售", way)


async def test_a_snapshot_shows_what_a_narrower_role_reaches(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No role of today reads events everywhere and targets not; one to come may."""
    grants = dict(roles.ROLES["integration"])
    del grants["targets:read"], grants["attainment:read"]
    monkeypatch.setattr(roles, "ROLES", {**roles.ROLES, "integration": grants})
    for who in ("周销售", "陈队长", "林总监", "冯离职", "外人"):
        reach = REACHES[who]
        reached = {str(office.ids[name]) for name in reach.members | reach.units}
        assert await scopes_held(office, who, f"{reach.role}+integration") == reached, who
    assert await scopes_held(office, "周销售", "integration") == set()


async def test_pay_that_everybody_sees_is_noticed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.lists.without_pay", lambda view: view)
    with pytest.raises(AssertionError):
        await pay_is_null(office)


async def test_two_eyes_on_a_target_or_on_pay_are_noticed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> set[object]:
        return set()

    async with opened(installation) as office:  # one of its own: what is let through is done
        monkeypatch.setattr(four_eyes, "own", nothing)
        for check in (plans_need_four_eyes, pay_needs_four_eyes, targets_need_four_eyes):
            with pytest.raises((AssertionError, KeyError)):  # what is done has no code
                await check(office, "admin")


@pytest.mark.parametrize("check", [posts_need_four_eyes, teams_need_four_eyes])
async def test_two_eyes_on_a_post_are_noticed(
    company: Company, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(org, "is_own_post", lambda *_: False)
    with pytest.raises(AssertionError):
        await check(company, "one")


async def test_two_eyes_on_a_unit_are_noticed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(org, "is_own_unit", lambda *_: False)
    with pytest.raises(AssertionError):
        await units_need_four_eyes(company, "one")


def test_every_noun_that_belongs_to_somebody_says_so() -> None:
    assert {module.split(".")[2] for module, _ in DECLARED} == {
        *("accounts", "deals", "targets", "attainment"),
        *("plans", "assignments", "credits", "statements"),
    }
