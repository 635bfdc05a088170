"""Nobody decides on the own post, nor on whom they lead, whichever way the change comes in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest

from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import imported, rows

UNITS: Final = {
    "北辰集团": None,
    "华东大区": "北辰集团",
    "上海一队": "华东大区",
    "华南大区": "北辰集团",
}
POSTS: Final = {
    "林总监": ("华东大区", True),
    "陈队长": ("上海一队", True),
    "李副队": ("上海一队", True),
    "周销售": ("上海一队", False),
    "钱销售": ("华南大区", False),
    "冯离职": (None, False),
}
SINCE: Final = "2020-01-01"
DOORS: Final = ("one", "external", "file")


@dataclass
class Company:
    """An organisation whose everything has its name as external id."""

    installation: Installation
    client: httpx.AsyncClient
    ids: dict[str, str]

    def ask_as(self, who: str, role: str) -> None:
        token = self.installation.servers.issuer.token(self.ids.get(who, who), (role,))
        self.client.headers["Authorization"] = f"Bearer {token}"

    async def put(self, noun: str, name: str, door: str, **body: Any) -> str | None:
        """Save something through a door; return why it was refused, None where it was not."""
        if door == "file":
            return await self._import(noun, name, body)
        last = self.ids[name] if door == "one" else f"by-external/hr/{name}"
        answer = await self.client.put(f"/v1/{noun}/{last}", json={"name": name, **body})
        if answer.is_success:
            self.ids[name] = answer.json()["id"]
            return None
        assert answer.status_code == 403, answer.text
        code: str = answer.json()["code"]
        return code

    async def _import(self, noun: str, name: str, body: dict[str, Any]) -> str | None:
        cells = {"external_id": name, "name": name, **body}
        values = ["" if value is None else str(value) for value in cells.values()]
        done = await imported(
            self.client, noun, f"{','.join(cells)}\n{','.join(values)}\n", source="hr"
        )
        refused = await rows(self.client, done["id"], "refused")
        return refused[0]["problems"][0]["code"] if refused else None

    async def post(
        self, name: str, unit: str | None, *, leads: bool, door: str, on: str = "2026-01-01"
    ) -> str | None:
        unit_id = None if unit is None else self.ids[unit]
        return await self.put("members", name, door, unit_id=unit_id, leads=leads, valid_from=on)

    async def place(
        self, name: str, parent: str | None, *, door: str, on: str = "2026-01-01"
    ) -> str | None:
        parent_id = None if parent is None else self.ids[parent]
        return await self.put("units", name, door, kind="unit", parent_id=parent_id, valid_from=on)


@pytest.fixture
async def company(installation: Installation) -> AsyncIterator[Company]:
    async with installation.api("targets", role=Role.ALL) as client:
        made = Company(installation, client, {})
        for name, parent in UNITS.items():
            assert await made.place(name, parent, door="external", on=SINCE) is None
        for name, (unit, leads) in POSTS.items():
            assert await made.post(name, unit, leads=leads, door="external", on=SINCE) is None
        yield made


@pytest.mark.parametrize("door", DOORS)
async def test_nobody_decides_on_the_own_post(company: Company, door: str) -> None:
    company.ask_as("周销售", "hr")
    assert await company.post("周销售", "上海一队", leads=True, door=door) == "own_benefit"
    assert await company.post("周销售", "华南大区", leads=False, door=door) == "own_benefit"
    assert await company.post("周销售", None, leads=False, door=door) == "own_benefit"
    past, future = "2019-01-01", "2090-01-01"
    assert await company.post("周销售", "上海一队", leads=True, door=door, on=past) == "own_benefit"
    assert (
        await company.post("周销售", "上海一队", leads=True, door=door, on=future) == "own_benefit"
    )
    company.ask_as("林总监", "hr")
    assert await company.post("周销售", "上海一队", leads=True, door=door) is None


@pytest.mark.parametrize("door", DOORS)
async def test_nobody_gets_people_to_lead_by_an_own_change(company: Company, door: str) -> None:
    company.ask_as("陈队长", "admin")
    for name, why in (
        ("钱销售", "somebody else's"),
        ("林总监", "the own manager"),
        ("李副队", "who leads beside the asker"),
        ("冯离职", "nobody's, so far"),
    ):
        answer = await company.post(name, "上海一队", leads=False, door=door)
        assert answer == "own_benefit", why
    company.ask_as("林总监", "admin")
    assert await company.post("钱销售", "上海一队", leads=False, door=door) == "own_benefit"
    company.ask_as("人事", "hr")  # no member, who leads nobody
    assert await company.post("李副队", "上海一队", leads=False, door=door) is None


@pytest.mark.parametrize("door", DOORS)
async def test_nobody_moves_the_own_unit_or_one_below_it(company: Company, door: str) -> None:
    company.ask_as("林总监", "admin")
    assert await company.place("华东大区", "华南大区", door=door) == "own_benefit"
    assert await company.place("华南大区", "华东大区", door=door) == "own_benefit"
    assert await company.place("华南大区", "上海一队", door=door) == "own_benefit"
    company.ask_as("陈队长", "admin")
    assert await company.place("华东大区", None, door=door) is None  # the own manager's


@pytest.mark.parametrize("door", DOORS)
async def test_within_what_one_leads_and_out_of_it_one_moves(company: Company, door: str) -> None:
    company.ask_as("林总监", "admin")
    assert await company.post("周销售", "华东大区", leads=False, door=door) is None
    assert await company.post("李副队", "华南大区", leads=False, door=door) is None
    assert await company.place("上海一队", "华南大区", door=door) is None
    # It left with the team, so that bringing it back is another's to do.
    on = "2026-02-01"
    assert await company.place("上海一队", "华东大区", door=door, on=on) == "own_benefit"


@pytest.mark.parametrize("door", ["external", "file"])
async def test_what_is_new_may_begin_below_whoever_makes_it(company: Company, door: str) -> None:
    """Nobody is paid yet where nobody was: and who leads the whole company could hire none."""
    company.ask_as("林总监", "hr")
    assert await company.post("新同事", "华东大区", leads=False, door=door) is None
    assert await company.place("杭州二队", "华东大区", door=door) is None


@pytest.mark.parametrize("door", DOORS)
async def test_a_file_with_everybody_says_nothing_new_of_who_sends_it(
    company: Company, door: str
) -> None:
    company.ask_as("陈队长", "hr")
    assert await company.post("陈队长", "上海一队", leads=True, door=door) is None
    assert await company.post("周销售", "上海一队", leads=False, door=door) is None
