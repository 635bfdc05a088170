"""What somebody sees of the company, route by route, and what they should see."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Final

import orjson

from tests.authorisation.company import MEMBERS, REACHES, Reach
from tests.authorisation.office import QUARTER, Office, Owners

LISTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "/v1/accounts": ("pipeline", "accounts", "id"),
    "/v1/accounts/export": ("pipeline", "accounts", "id"),
    "/v1/deals": ("pipeline", "deals", "id"),
    "/v1/deals/export": ("pipeline", "deals", "id"),
    "/v1/targets": ("targets", "targets", "id"),
    "/v1/targets/export": ("targets", "targets", "id"),
    "/v1/attainments": ("targets", "attainments", "id"),
    "/v1/attainments/export": ("targets", "attainments", "id"),
    "/v1/plans": ("performance", "plans", "id"),
    "/v1/plans/export": ("performance", "plans", "id"),
    f"/v1/statements?period={QUARTER}": ("performance", "payees", "payee_id"),
    f"/v1/statements/export?period={QUARTER}": ("performance", "payees", "payee_id"),
}
"""Service, noun and key of what a list shows."""
SINGLES: Final[Mapping[str, tuple[str, str]]] = {
    "/v1/accounts/{}": ("pipeline", "accounts"),
    "/v1/deals/{}": ("pipeline", "deals"),
    "/v1/targets/{}": ("targets", "targets"),
    "/v1/attainments/{}": ("targets", "attainments"),
    "/v1/attainments/{}/entries": ("targets", "attainments"),
    "/v1/plans/{}": ("performance", "plans"),
    "/v1/plans/{}/assignments": ("performance", "plans"),
    "/v1/plans/{}/assignments/export": ("performance", "plans"),
    f"/v1/statements/{{}}/{QUARTER}": ("performance", "payees"),
}
WITHIN: Final[Mapping[str, tuple[str, str]]] = {
    f"/v1/credits?payee_id={{}}&period={QUARTER}": ("performance", "payees"),
    f"/v1/credits/export?payee_id={{}}&period={QUARTER}&format=ndjson": ("performance", "payees"),
    f"/v1/statements/{{}}/{QUARTER}/entries": ("performance", "payees"),
    f"/v1/statements/{{}}/{QUARTER}/entries/export?format=ndjson": ("performance", "payees"),
}
"""Lists of one payee: empty for whoever may not see it."""
EXTERNALS: Final[Mapping[str, str]] = {
    "/v1/accounts/by-external/crm/{}": "pipeline",
    "/v1/deals/by-external/crm/{}": "pipeline",
    "/v1/plans/by-external/hr/{}": "performance",
}
ASSIGNMENTS: Final = "/v1/plans/{}/assignments"
BOTH: Final = frozenset({"周销售", "钱销售"})
"""Who are paid by one plan."""


async def assigned(office: Office, who: str) -> set[str]:
    """Return the names of those whom somebody sees assigned to the plan of two."""
    (plan,) = (key for key, one in office.rows["plans"].items() if one.members == BOTH)
    path = ASSIGNMENTS.format(plan)
    answer = await office.ask("performance", who, REACHES[who].role, "GET", path)
    names = {str(office.ids[name]): name for name in MEMBERS}
    return {names[item["payee_id"]] for item in answer.json().get("items", [])}


def reached(reach: Reach, owners: Owners) -> bool:
    """Tell whether a row is of somebody whom the viewer reaches."""
    return bool(owners.members & reach.members or owners.units & reach.units)


def expected(office: Office, noun: str, reach: Reach) -> set[str]:
    return {key for key, owners in office.rows[noun].items() if reached(reach, owners)}


async def listed(office: Office, path: str, who: str, role: str) -> set[str]:
    """Return the keys of all rows that a list shows to somebody."""
    service, _, key = LISTS[path]
    sign = "&" if "?" in path else "?"
    more = "format=ndjson" if "/export" in path else "limit=200"
    answer = await office.ask(service, who, role, "GET", f"{path}{sign}{more}")
    assert answer.status_code == 200, (path, answer.text)
    if "/export" in path:
        items = [orjson.loads(line) for line in answer.content.splitlines()]
    else:
        items = answer.json()["items"]
    return {item[key] for item in items}


async def leaks(
    office: Office, paths: Callable[[str], bool] = lambda _: True
) -> AsyncIterator[str]:
    """Yield everything that somebody sees and should not, or should see and does not."""
    for who, reach in REACHES.items():
        if paths(ASSIGNMENTS) and await assigned(office, who) != BOTH & reach.members:
            yield f"{who} ({reach.role}) {ASSIGNMENTS}"
        for path in filter(paths, LISTS):
            shown = await listed(office, path, who, reach.role)
            if shown != expected(office, LISTS[path][1], reach):
                yield f"{who} ({reach.role}) {path}"
        for service, path, owners in _singles(office, paths):
            if await _is_shown(office, service, path, who) != reached(reach, owners):
                yield f"{who} ({reach.role}) {path}"


def _singles(office: Office, paths: Callable[[str], bool]) -> Iterator[tuple[str, str, Owners]]:
    """Yield service, path and owners of every single row, by its id and by its external id."""
    for template, service in EXTERNALS.items():
        if paths(template):
            for name in MEMBERS:
                yield service, template.format(name), Owners(frozenset({name}))
    for template, (service, noun) in {**SINGLES, **WITHIN}.items():
        if paths(template):
            for key, owners in office.rows[noun].items():
                yield service, template.format(key), owners


async def _is_shown(office: Office, service: str, path: str, who: str) -> bool:
    """Tell whether something is shown: what is of nobody in reach is not there, or empty."""
    answer = await office.ask(service, who, REACHES[who].role, "GET", path)
    assert answer.status_code in {200, 404}, answer.text
    within = "credits" in path or ("statements" in path and "/entries" in path)
    if answer.status_code == 200 and within:
        return bool(answer.content if "/export" in path else answer.json()["items"])
    return answer.status_code == 200
