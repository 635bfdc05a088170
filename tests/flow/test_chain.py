"""A won deal moves attainment and pay; whatever happens to it afterwards, the figures follow."""

import pytest

from tests.flow.world import (
    BEFORE,
    CHEN,
    COMPANY,
    EAST,
    LI,
    NEXT,
    QUARTER,
    SINCE,
    WANG,
    WEST,
    ZHANG,
    World,
    money,
)


async def test_a_won_deal_raises_attainment_and_pays(world: World) -> None:
    await world.set_target(LI, "100000")
    await world.set_target(EAST, "150000")
    await world.set_target(COMPANY, "600000")
    await world.pay_sellers()
    await world.pay_leader(CHEN)

    await world.won_deal("150000.00")
    await world.settle()

    assert await world.revenue(LI) == "150000.00"
    assert await world.attainment(LI) == "1.500000"
    assert await world.attainment(EAST) == "1.000000"
    assert await world.attainment(COMPANY) == "0.250000"
    assert await world.revenue(WEST) == "0"
    # 100,000 × 5 % + 50,000 × 8 % = 5,000 + 4,000
    assert await world.incentive(LI) == "9000.00"
    # The team reached its target, and the bound belongs to the tier above: 150,000 × 2 %.
    assert await world.incentive(CHEN) == "3000.00"


async def test_an_open_and_a_lost_deal_count_nothing(world: World) -> None:
    await world.pay_sellers()
    await world.open_deal("70000.00")
    await world.lose(await world.open_deal("80000.00"))
    await world.settle()
    assert await world.revenue(LI) == "0"
    assert await world.incentive(LI) is None


async def test_a_split_deal_pays_each_seller_the_own_part_to_the_cent(world: World) -> None:
    await world.pay_sellers()
    # 100.00 in three equal parts of 0.333333, 0.333333, 0.333334 is 33.33 + 33.33 + 33.34.
    shares = {LI: "0.333333", WANG: "0.333333", ZHANG: "0.333334"}
    await world.won_deal("100.00", shares=shares)
    await world.settle()
    assert [await world.revenue(name) for name in shares] == ["33.33", "33.33", "33.34"]
    assert await world.revenue(EAST) == "66.66"
    assert await world.revenue(WEST) == "33.34"
    assert await world.revenue(COMPANY) == "100.00"
    assert [await world.won(name) for name in (LI, EAST, COMPANY)] == [1, 1, 1]
    # Without a target 5 %: 1.6665 and 1.667, both 1.67.
    assert [await world.incentive(name) for name in shares] == ["1.67", "1.67", "1.67"]


async def test_editing_a_won_deal_posts_the_difference(world: World) -> None:
    await world.set_target(LI, "100000")
    await world.pay_sellers()
    deal = await world.won_deal("150000.00")
    await world.settle()
    await world.edit(deal, amount=money("90000.00"))
    await world.settle()
    assert await world.revenue(LI) == "90000.00"
    assert await world.won(LI) == 1
    # 90,000 × 5 % = 4,500 instead of 9,000: the first tier gives back 500, the second all 4,000.
    assert await world.incentive(LI) == "4500.00"
    assert await world.ledger(LI) == ["5000.00", "4000.00", "-500.00", "-4000.00"]


async def test_a_won_deal_goes_over_to_another_seller(world: World) -> None:
    await world.pay_sellers()
    deal = await world.won_deal("20000.00")
    await world.edit(deal, owner_id=world.members[ZHANG])
    await world.settle()
    assert [await world.revenue(name) for name in (LI, ZHANG)] == ["0.00", "20000.00"]
    assert [await world.revenue(name) for name in (EAST, WEST)] == ["0.00", "20000.00"]
    assert [await world.incentive(name) for name in (LI, ZHANG)] == ["0.00", "1000.00"]


async def test_reopening_takes_everything_back_and_winning_again_counts_anew(world: World) -> None:
    await world.set_target(EAST, "200000")
    await world.pay_sellers()
    await world.pay_leader(CHEN)
    deal = await world.won_deal("50000.00")
    await world.settle()
    assert await world.incentive(CHEN) == "500.00"

    await world.reopen(deal)
    await world.settle()
    assert [await world.revenue(name) for name in (LI, EAST, COMPANY)] == ["0.00"] * 3
    assert await world.won(COMPANY) == 0
    assert [await world.incentive(name) for name in (LI, CHEN)] == ["0.00", "0.00"]

    await world.edit(deal, amount=money("60000.00"))
    await world.win(deal)
    await world.settle()
    assert await world.revenue(COMPANY) == "60000.00"
    # 60,000 × 5 % and 60,000 × 1 %
    assert [await world.incentive(name) for name in (LI, CHEN)] == ["3000.00", "600.00"]
    assert await world.ledger(LI) == ["2500.00", "-2500.00", "3000.00"]


@pytest.mark.parametrize(
    ("day", "quarter"), [("2025-03-31", BEFORE), ("2025-07-01", NEXT), ("2025-06-30", QUARTER)]
)
async def test_a_closing_date_that_moves_takes_its_figures_along(
    world: World, day: str, quarter: str
) -> None:
    await world.set_target(EAST, "100000", QUARTER)
    await world.pay_sellers()
    await world.pay_leader(CHEN)
    record = {
        **world.terms("40000.00"),
        "external": {"source": "crm", "id": world.members[LI]},
        "stage": "won",
        "closed_on": "2025-04-01",
    }
    await world.post("/pipeline/v1/deals/bulk", {"deals": [record]})
    await world.settle()
    assert await world.incentive(LI) == "2000.00"
    assert await world.incentive(CHEN) == "400.00"

    await world.post("/pipeline/v1/deals/bulk", {"deals": [{**record, "closed_on": day}]})
    await world.settle()
    # 40,000 × 5 % in the quarter of the new day; the leader is paid where the team has a target.
    for each in (BEFORE, QUARTER, NEXT):
        there = each == quarter
        assert await world.revenue(COMPANY, each) in ({"40000.00"} if there else {"0", "0.00"})
        assert await world.incentive(LI, each) in ({"2000.00"} if there else {None, "0.00"})
    assert await world.incentive(CHEN) == ("400.00" if quarter == QUARTER else "0.00")


async def test_days_before_the_company_began_roll_up_to_no_unit(world: World) -> None:
    deal = await world.open_deal("10.00")
    await world.edit(deal, opened_on="2024-01-01")
    await world.win(deal, on="2024-12-31")
    await world.settle()
    assert SINCE > "2024-12-31"
    assert await world.revenue(LI, "2024-Q4") == "10.00"
    assert await world.revenue(COMPANY, "2024-Q4") == "0"
