"""What is known first makes no difference: targets, plans and moves may come after the deals."""

from tests.flow.world import CHEN, COMPANY, EAST, LI, QUARTER, WEST, ZHOU, World


async def test_a_target_that_comes_after_the_deals(world: World) -> None:
    await world.pay_sellers()
    await world.pay_leader(CHEN)
    await world.won_deal("150000.00")
    await world.settle()
    # Without a target: 150,000 × 5 %; a leader is paid nothing without one.
    assert await world.attainment(LI) is None
    assert await world.incentive(LI) == "7500.00"
    assert await world.incentive(CHEN) in {None, "0.00"}

    await world.set_target(LI, "100000")
    await world.set_target(EAST, "300000")
    await world.settle()
    assert await world.attainment(LI) == "1.500000"
    # 100,000 × 5 % + 50,000 × 8 %; 150,000 × 1 %
    assert [await world.incentive(name) for name in (LI, CHEN)] == ["9000.00", "1500.00"]

    await world.set_target(LI, None)
    await world.set_target(EAST, "150000")
    await world.settle()
    assert await world.attainment(LI) is None
    assert [await world.incentive(name) for name in (LI, CHEN)] == ["7500.00", "3000.00"]


async def test_a_plan_that_comes_after_the_deals_pays_all_of_them(world: World) -> None:
    await world.set_target(LI, "100000")
    await world.set_target(EAST, "150000")
    await world.won_deal("90000.00")
    await world.won_deal("60000.00")
    await world.won_deal("1000.00", on="2025-08-01")
    await world.settle()
    assert await world.incentive(LI) is None

    await world.pay_sellers()
    await world.pay_leader(CHEN)
    await world.settle()
    assert await world.incentive(LI) == "9000.00"
    assert await world.incentive(LI, "2025-Q3") == "50.00"
    assert await world.incentive(CHEN) == "3000.00"


async def test_a_plan_pays_from_its_first_day_on(world: World) -> None:
    await world.won_deal("1000.00", on="2025-06-30")
    await world.won_deal("2000.00", on="2025-07-01")
    await world.pay_sellers(since="2025-07-01")
    await world.settle()
    assert await world.incentive(LI, "2025-Q2") is None
    assert await world.incentive(LI, "2025-Q3") == "100.00"


async def test_a_member_who_moved_takes_the_figures_since_then_along(world: World) -> None:
    await world.set_target(EAST, "100000")
    await world.set_target(WEST, "100000")
    await world.pay_leader(CHEN)
    await world.pay_leader(ZHOU)
    await world.won_deal("30000.00", on="2025-04-30")
    await world.won_deal("50000.00", on="2025-05-20")
    await world.settle()
    assert [await world.revenue(name) for name in (EAST, WEST)] == ["80000.00", "0.00"]

    await world.move(LI, WEST, since="2025-05-01")
    await world.settle()
    assert [await world.revenue(name) for name in (EAST, WEST)] == ["30000.00", "50000.00"]
    assert await world.attainment(WEST) == "0.500000"
    assert await world.revenue(LI) == "80000.00"
    assert await world.revenue(COMPANY) == "80000.00"
    # 30,000 × 1 % and 50,000 × 1 %
    assert [await world.incentive(name) for name in (CHEN, ZHOU)] == ["300.00", "500.00"]


async def test_saying_the_same_again_moves_nothing(world: World) -> None:
    await world.set_target(LI, "100000")
    await world.pay_sellers()
    deal = await world.won_deal("150000.00")
    before = await world.settle()
    await world.set_target(LI, "100000")
    await world.move(LI, EAST, since="2025-01-01")
    await world.edit(deal, name="灯塔平台 · 东方机械")
    assert await world.settle() == before
    assert await world.ledger(LI, QUARTER) == ["5000.00", "4000.00"]
