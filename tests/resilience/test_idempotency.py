"""Idempotency under fire: sent many times at once, hung up on, killed in between – done once."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
import pytest

from shared.ids import new_id
from tests.flow.world import COMPANY, DAY, EAST, LI, SELLERS, SINCE, WANG, Json, World
from tests.resilience.installation import Installation
from tests.resilience.scale import SEED, scaled
from tests.resilience.wholeness import whole

DEALS: Final = scaled(32, 700)
BULKS: Final = scaled(8, 200)
MEMBERS: Final = scaled(6, 200)
PLANS: Final = scaled(4, 200)
"""With a win for each deal: 82 requests, or 2,000."""
KILLS: Final = scaled(1, 12)
AT_ONCE = 24
SENDINGS_MAX = 4
PATIENCE_SECONDS_MAX = 0.08


@dataclass
class Sent:
    """A request that is sent over and over, and every answer that came.

    ``other`` is a body that would do as well, but is not this one.
    """

    path: str
    body: Json
    other: Json
    key: str = field(default_factory=lambda: str(new_id()))
    answers: list[httpx.Response] = field(default_factory=list)

    @property
    def effect(self) -> Json:
        """The body of its answer."""
        found: Json = self.answers[0].json()
        return found

    def check(self) -> None:
        """Check that all who got an answer got the same one, and that it is no refusal."""
        assert {(answer.status_code, answer.content) for answer in self.answers} == {
            (self.answers[0].status_code, self.answers[0].content)
        }
        assert self.answers[0].is_success, self.answers[0].text


class Fire:
    """Clients that send too often and hang up at random."""

    def __init__(self, world: World, hasty: httpx.AsyncClient, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.counted: Counter[str] = Counter()
        self._hasty = hasty
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def send(self, requests: Sequence[Sent]) -> None:
        """Send each one to four times at once, then until it is answered."""
        await asyncio.gather(*(self._send(request) for request in requests))

    async def _send(self, request: Sent) -> None:
        async with self._at_once:
            sendings = self.dice.randint(1, SENDINGS_MAX)
            await asyncio.gather(*(self._once(request) for _ in range(sendings)))
            # Whoever got no answer asks again, as it is told to.
            request.answers.append(await self.post(request, request.body))
            request.check()

    async def _once(self, request: Sent) -> None:
        self.counted["sent"] += 1
        patience = self.dice.choice((None, self.dice.uniform(0, PATIENCE_SECONDS_MAX)))
        try:
            async with asyncio.timeout(patience):
                answer = await self._hasty.post(
                    request.path, json=request.body, headers={"Idempotency-Key": request.key}
                )
        except TimeoutError:
            self.counted["hung up"] += 1
        except httpx.TransportError:
            self.counted["broken"] += 1
        else:
            if answer.status_code < 500:
                self.counted["answered"] += 1
                request.answers.append(answer)
            else:
                self.counted["unavailable"] += 1

    async def post(self, request: Sent, body: Json) -> httpx.Response:
        """Send under the request's key and wait for the answer."""
        return await self.world.http.post(
            request.path, json=body, headers={"Idempotency-Key": request.key}
        )

    async def refuses_others(self, requests: Sequence[Sent]) -> None:
        """Check that a changed body under a used key is refused, for one in ten."""
        for request in self.dice.sample(requests, max(1, len(requests) // 10)):
            answer = await self.post(request, request.other)
            assert answer.status_code == 422, answer.text
            assert answer.json()["code"] == "idempotency_key_reused"
            again = await self.post(request, request.body)
            assert again.content == request.answers[0].content
            assert again.headers["Idempotency-Replayed"] == "true"


def deals(world: World) -> list[Sent]:
    """Return requests for deals of 1.00, 2.00 and so on: none can stand for another."""
    bodies = [world.terms(f"{number}.00", LI) for number in range(1, DEALS + 1)]
    return [Sent("/pipeline/v1/deals", body, {**body, "name": "另一个"}) for body in bodies]


def wins(deals: Sequence[Sent]) -> list[Sent]:
    """Return requests to win the deals that were opened."""
    paths = [f"/pipeline/v1/deals/{deal.effect['id']}/transitions" for deal in deals]
    return [Sent(path, {"to": "won", "on": DAY}, {"to": "open"}) for path in paths]


def bulks(world: World) -> list[Sent]:
    """Return requests for two deals of 1,000 each, won."""
    won = {**world.terms("1000.00", WANG), "stage": "won", "closed_on": DAY}
    made = []
    for number in range(BULKS):
        names = [f"{world.units[COMPANY]}-{number}-{place}" for place in range(2)]
        records = [{**won, "external": {"source": "crm", "id": name}} for name in names]
        body = {"deals": records}
        made.append(Sent("/pipeline/v1/deals/bulk", body, {"deals": records[:1]}))
    return made


def members(world: World) -> list[Sent]:
    """Return requests for members."""
    body = {"unit_id": world.units[EAST], "leads": False, "valid_from": SINCE}
    return [
        Sent("/targets/v1/members", {**body, "name": f"成员 {n}"}, {**body, "name": f"员工 {n}"})
        for n in range(MEMBERS)
    ]


async def assignments(world: World) -> list[Sent]:
    """Return requests to assign a plan to a payee each."""
    path = f"/performance/v1/plans/{await world.pay_sellers(*SELLERS)}/assignments"
    made = []
    for _ in range(PLANS):
        body = {"payee_ids": [str(new_id())], "valid_from": SINCE, "valid_to": None}
        made.append(Sent(path, body, {**body, "valid_from": DAY}))
    return made


async def kill_now_and_then(installation: Installation, dice: random.Random) -> None:
    """Kill services that take requests, and start them again."""
    for _ in range(KILLS):
        await asyncio.sleep(dice.uniform(0.1, scaled(0.5, 4)))
        await installation.restart(dice.choice(scaled(["pipeline"], ["pipeline", "targets"])))


@pytest.mark.parametrize("seed", [SEED])  # so that every report names it
async def test_what_is_sent_many_times_is_done_once(
    installation: Installation,
    world: World,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    token = installation.stack.token(roles=["admin"], subject="tester")
    async with httpx.AsyncClient(
        base_url=installation.stack.base_url,
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=20,
    ) as hasty:
        fire = Fire(world, hasty, seed)
        opened = deals(world)
        others = [*bulks(world), *members(world), *await assignments(world)]
        mixed = [*opened, *others]
        fire.dice.shuffle(mixed)
        killing = asyncio.create_task(kill_now_and_then(installation, random.Random(seed)))
        await fire.send(mixed)
        won = wins(opened)
        await fire.send(won)
        await killing
        await fire.refuses_others([*opened, *won])
        await fire.refuses_others(others)
    for name, count in fire.counted.items():
        record_property(name, count)
    await whole(installation.stack)
    await check(installation, world, [*mixed, *won])


async def check(installation: Installation, world: World, requests: Sequence[Sent]) -> None:
    """Check that each request has had one effect, by the figures and by what is stored."""
    by_kind: dict[str, list[Sent]] = defaultdict(list)
    for request in requests:
        by_kind[request.path.rpartition("/")[2]].append(request)
    total = DEALS * (DEALS + 1) // 2 + 2000 * BULKS
    assert await world.revenue(COMPANY) == f"{total}.00"
    assert await world.won(COMPANY) == DEALS + 2 * BULKS
    assert all(win.effect["version"] == 2 for win in by_kind["transitions"])
    assert len({deal.effect["id"] for deal in by_kind["deals"]}) == DEALS
    assert len({member.effect["id"] for member in by_kind["members"]}) == MEMBERS
    keys = [request.key for request in requests]
    admin = await installation.administrator()
    try:
        for statement, expected in (
            ("SELECT count(*) FROM pipeline.idempotency WHERE key = ANY($1)", 2 * DEALS + BULKS),
            ("SELECT count(*) FROM targets.idempotency WHERE key = ANY($1)", MEMBERS),
            ("SELECT count(*) FROM performance.idempotency WHERE key = ANY($1)", PLANS),
        ):
            assert await admin.fetchval(statement, keys) == expected
        units = await admin.fetchval(
            "SELECT count(DISTINCT member_id) FROM targets.assignment WHERE unit_id = $1",
            world.units[EAST],
        )
        assert units == MEMBERS + 3  # and the three that were there
    finally:
        await admin.close()
