"""Everybody sees their rows, and nobody else's: lists, single rows, what is inside them, files."""

import pytest

from tests.authorisation.company import MEMBERS, REACHES, UNITS
from tests.authorisation.office import Office
from tests.authorisation.reading import (
    BOTH,
    EXTERNALS,
    LISTS,
    SINGLES,
    WITHIN,
    assigned,
    expected,
    leaks,
    listed,
)


@pytest.mark.parametrize("who", REACHES)
@pytest.mark.parametrize("path", LISTS)
async def test_a_list_shows_just_the_rows_within_reach(office: Office, path: str, who: str) -> None:
    reach = REACHES[who]
    assert await listed(office, path, who, reach.role) == expected(office, LISTS[path][1], reach)


@pytest.mark.parametrize("template", [*SINGLES, *WITHIN])
async def test_a_row_out_of_reach_is_not_there(office: Office, template: str) -> None:
    assert [leak async for leak in leaks(office, lambda path: path == template)] == []


@pytest.mark.parametrize("template", EXTERNALS)
async def test_a_row_out_of_reach_is_not_there_by_its_external_id(
    office: Office, template: str
) -> None:
    assert [leak async for leak in leaks(office, lambda path: path == template)] == []


async def test_of_a_plan_only_the_assignments_within_reach_are_shown(office: Office) -> None:
    for who, reach in REACHES.items():
        assert await assigned(office, who) == BOTH & reach.members, who


@pytest.mark.parametrize("role", ["admin", "finance", "auditor"])
async def test_who_reaches_everybody_sees_every_row(office: Office, role: str) -> None:
    for path, (_, noun, _) in LISTS.items():
        assert await listed(office, path, "何无队", role) == set(office.rows[noun]), path


async def test_the_widest_of_several_roles_counts(office: Office) -> None:
    path = "/v1/statements?period=2017-Q2"
    assert await listed(office, path, "陈队长", "rep+manager") == expected(
        office, "payees", REACHES["陈队长"]
    )
    assert await listed(office, path, "陈队长", "rep+finance") == set(office.rows["payees"])
    assert await listed(office, path, "陈队长", "rep+sales_ops") == {str(office.ids["陈队长"])}


async def test_pay_is_null_for_those_who_may_not_see_it(office: Office) -> None:
    async def commission(name: str, role: str) -> object:
        path = f"/v1/credits?payee_id={office.ids[name]}&period=2017-Q2"
        answer = await office.ask("performance", "陈队长", role, "GET", path)
        (item,) = (one for one in answer.json()["items"] if one["metric"] == "revenue")
        return item["commission_amount"]

    assert await commission("周销售", "sales_ops") is None
    assert await commission("周销售", "finance") == "1000.00"
    assert await commission("周销售", "manager") == "1000.00"
    assert await commission("周销售", "sales_ops+manager") == "1000.00"
    assert await commission("钱销售", "sales_ops+manager") is None


async def test_a_filter_and_a_count_find_nothing_out_of_reach(office: Office) -> None:
    filter_ = f'{{"field":"member_ids","op":"has","value":"{office.ids["钱销售"]}"}}'
    params = {"filter": filter_, "count": "true"}
    answer = await office.ask("pipeline", "周销售", "rep", "GET", "/v1/deals", params=params)
    assert answer.json()["total"] == 1  # the one that they share
    params = {"filter": f'{{"field":"owner_id","op":"eq","value":"{office.ids["吴销售"]}"}}'}
    answer = await office.ask("pipeline", "周销售", "rep", "GET", "/v1/deals", params=params)
    assert answer.json()["items"] == []


def test_the_company_has_every_relation() -> None:
    assert set(REACHES) <= {*MEMBERS, "外人"}
    assert {unit for reach in REACHES.values() for unit in reach.units} == set(UNITS)
    assert any(not reach.members for reach in REACHES.values())
