"""A little history with everything in it that can happen to deals, people, targets and plans."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Final

import httpx

from shared.ids import new_id
from tests.flow.world import (
    CHEN,
    COMPANY,
    EAST,
    LI,
    NEXT,
    QUARTER,
    SELLERS,
    WANG,
    WEST,
    ZHANG,
    ZHOU,
    Json,
    World,
    money,
)

DAYS: Final = ("2025-02-28", "2025-04-01", "2025-05-15", "2025-06-30", "2025-07-01", "2025-08-09")
THIRDS: Final = {LI: "0.333333", WANG: "0.333333", ZHANG: "0.333334"}
UNEVEN: Final = {ZHANG: "0.15", LI: "0.125", CHEN: "0.725"}


async def lived(world: World, deals: int = 24, seed: int = 7) -> None:
    """Let the company of a world live through three quarters; nothing is left to follow.

    Odd cents, splits, returns, other currencies, lines with products, deals that are lost, edited,
    moved and reopened, late corrections, targets that change and go, people and teams that move,
    and plans of every kind, some of them late.
    """
    dice = Random(seed)
    world.http.event_hooks = {"request": [_with_a_key]}
    await _aim(world)
    plan = await _pay(world)
    products = await _stock(world)
    won = [await _sold(world, dice, products, place) for place in range(deals)]
    await world.settle()
    await _changed(world, dice, won)
    await _imported(world)
    await world.settle()
    await _reorganised(world)
    await _replanned(world, plan)
    await world.settle()


async def _with_a_key(request: httpx.Request) -> None:
    """Send every POST under a key of its own unless it has one."""
    if request.method == "POST" and "Idempotency-Key" not in request.headers:
        request.headers["Idempotency-Key"] = str(new_id())


async def keyed(world: World, path: str, body: object, key: str) -> Json:
    """Send a request under a key, twice: the second time is answered like the first."""
    headers = {"Idempotency-Key": key, "If-Match": "*"}
    sent = [await world.http.post(path, json=body, headers=headers) for _ in range(2)]
    first, second = [await world.answered(answer) for answer in sent]
    assert first == second
    return first


async def _aim(world: World) -> None:
    for name, value in (
        (LI, "40000.01"),
        (WANG, "30000"),
        (ZHANG, "25000.50"),
        (EAST, "90000"),
        (WEST, "30000"),
        (COMPANY, "500000"),
    ):
        await world.set_target(name, value)
    await world.set_target(EAST, "1000.00", NEXT)
    await world.set_target(LI, "35000.00")
    await world.set_target(ZHANG, None)
    units = {
        "scope": "unit",
        "scope_id": world.units[EAST],
        "metric": "units",
        "period": QUARTER,
        "value": "12.5",
    }
    await world.answered(await world.http.put("/targets/v1/targets", json=units))


async def _pay(world: World) -> str:
    """Four plans: marginal by share, whole by share of a team, whole by amount, late ones."""
    plan = await world.pay_sellers()
    await world.pay_leader(CHEN)
    table = {
        "mode": "whole",
        "boundary": "to",
        "bounds": "amount",
        "tiers": [
            {"from": "0", "to": "5000", "rate": "0.0033"},
            {"from": "5000", "to": "20000.00", "rate": "0.0077"},
            {"from": "20000.00", "to": None, "rate": "0.012345"},
        ],
    }
    body = {
        "name": "季度达标奖",
        "valid_from": "2025-04-01",
        "currency": "CNY",
        "components": [component("达标奖", table, "half_even")],
    }
    made = await keyed(world, "/performance/v1/plans", body, "plan-达标奖".encode().hex())
    await _assign(world, made["id"], SELLERS, "2025-04-01", "2025-08-01")
    return plan


def component(key: str, table: Json, rounding: str, without: Json | None = None) -> Json:
    """Return a component that pays on own revenue."""
    return {
        "kind": "commission",
        "key": key,
        "measure": {"kind": "own_credits", "metric": "revenue"},
        "period": "quarter",
        "table": table,
        "without_quota": without,
        "rounding": rounding,
    }


async def _assign(
    world: World, plan: str, payees: Sequence[str], since: str, until: str | None
) -> None:
    ids = [world.members[name] for name in payees]
    body = {"payee_ids": ids, "valid_from": since, "valid_to": until}
    await keyed(world, f"/performance/v1/plans/{plan}/assignments", body, f"assign-{plan}")


async def _stock(world: World) -> Sequence[str]:
    account = {"name": "东方机械"}
    await keyed(world, "/pipeline/v1/accounts", account, f"account-{world.members[LI]}")
    found = []
    for code, price in (("灯-1", "199.99"), ("塔-2", "1250.00")):
        body = {"name": f"产品 {code}", "line": "平台", "list_price": money(price)}
        path = f"/pipeline/v1/products/{code}"
        answer = await world.http.put(path, json=body)
        found.append(str((await world.answered(answer))["id"]))
    return found


async def _sold(world: World, dice: Random, products: Sequence[str], place: int) -> str:
    """Open and win a deal of some kind; return its id."""
    amount = f"{dice.randrange(-90_000 if place % 8 == 7 else 1, 2_500_000) / 100:.2f}"
    shares = (None, THIRDS, None, UNEVEN)[place % 4]
    owner = (LI, WANG, ZHANG, ZHOU, CHEN)[place % 5]
    body = world.terms(amount, owner, shares)
    if place % 6 == 2:
        body["amount"] = money(str(dice.randrange(1, 10**6)), "JPY")
    if place % 6 == 4:
        parts = [(products[0], "2.5", "499.97"), (products[1], "1", "1250.01")]
        body["amount"] = None
        body["lines"] = [
            {"product_id": product, "quantity": quantity, "amount": money(price)}
            for product, quantity, price in parts
        ]
    body = {name: value for name, value in body.items() if value is not None}
    deal = await keyed(world, "/pipeline/v1/deals", body, f"deal-{world.members[LI]}-{place}")
    deal_id = str(deal["id"])
    if place % 11 == 10:
        await world.lose(deal_id, dice.choice(DAYS))
    else:
        await world.win(deal_id, dice.choice(DAYS))
    return deal_id


async def _changed(world: World, dice: Random, deals: Sequence[str]) -> None:
    """Correct, hand over and reopen, several at a time so that they come in batches."""
    parts = [{"member_id": world.members[name], "share": part} for name, part in THIRDS.items()]
    await asyncio.gather(
        world.edit(deals[0], amount=money("12345.67")),
        world.edit(deals[1], shares=parts),
        world.edit(deals[3], owner_id=world.members[ZHANG]),
        world.reopen(deals[5]),
        world.reopen(deals[8]),
    )
    await world.win(deals[5], dice.choice(DAYS))
    await world.edit(deals[0], amount=money("12345.68"))
    await world.edit(deals[0], owner_id=world.members[WANG])


async def _imported(world: World) -> None:
    """Bring in another system's deals; one of them moves to another quarter afterwards."""
    external = {"source": "crm", "id": f"合同-{world.members[LI]}"}
    record = {**world.terms("8888.88", WANG), "external": external, "stage": "won"}
    for day in ("2025-06-30", "2025-07-01"):
        deals = [{**record, "closed_on": day}]
        await world.post("/pipeline/v1/deals/bulk", {"origin": "import", "deals": deals})


async def _reorganised(world: World) -> None:
    """Move a seller in the middle of a quarter, and a team below the other one."""
    await world.move(LI, WEST, since="2025-05-01")
    await world.move(WANG, WEST, since="2025-07-01")
    body = {
        "name": WEST,
        "kind": "team",
        "parent_id": world.units[EAST],
        "valid_from": "2025-08-01",
    }
    path = f"/targets/v1/units/{world.units[WEST]}"
    await world.answered(await world.http.put(path, json=body))


async def _replanned(world: World, plan: str) -> None:
    """A next version from a quarter that has begun, a leader's plan that comes late."""
    by_share = {
        "mode": "marginal",
        "boundary": "from",
        "bounds": "share_of_quota",
        "tiers": [{"from": "0", "to": "1.2", "rate": "0.041"}, _rest("1.2", "0.09")],
    }
    without = {
        "mode": "marginal",
        "boundary": "from",
        "bounds": "amount",
        "tiers": [{"from": "0", "to": "1000", "rate": "0.03"}, _rest("1000", "0.0625")],
    }
    body = {
        "valid_from": "2025-07-01",
        "currency": "CNY",
        "components": [component("commission", by_share, "half_up", without)],
    }
    await keyed(world, f"/performance/v1/plans/{plan}/versions", body, f"version-{plan}")
    await world.pay_leader(ZHOU)
    await world.set_target(WEST, "45000.00")


def _rest(start: str, rate: str) -> Json:
    return {"from": start, "to": None, "rate": rate}
