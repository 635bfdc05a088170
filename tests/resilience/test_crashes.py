"""A process that dies anywhere: it is started again, and nothing is lost, doubled or wrong."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from deploy.local.supervisor import Child
from shared.failpoints import PLACES
from tests.flow.world import COMPANY, World
from tests.resilience.day import Days
from tests.resilience.installation import Installation, was_killed
from tests.resilience.scale import only_in_full, scaled
from tests.resilience.wholeness import whole

PASSES = (1, 2, 3)
DYING_SECONDS = 30
ALL, SENDERS = ("pipeline", "targets", "performance"), ("targets", "performance")
READERS = (*SENDERS, "knowledge")

DAILY: Final[Mapping[str, tuple[str, ...]]] = {
    "request.claimed": ALL,
    "request.done": ALL,
    "request.committing": ALL,
    "request.committed": ALL,
    "relay.leading": ALL,
    "relay.numbering": ALL,
    "relay.numbered": ALL,
    "relay.publishing": ALL,
    "broker.sent": ALL,
    "relay.published": ALL,
    "relay.remembered": ALL,
    "consumer.leading": READERS,
    "consumer.fed": ("knowledge",),
    "consumer.advanced": READERS,
    "consumer.committing": READERS,
    "consumer.committed": READERS,
    "audit.taken": ALL,
    "audit.sealing": ALL,
    "audit.sealed": ALL,
    "chore.done": SENDERS,
    "repost.taken": ("targets",),
    "recalculation.taken": ("performance",),
    "incentives.posting": ("performance",),
    "incentives.posted": ("performance",),
}
"""What a company's days pass, and in which services."""
REFUSALS: Final = ("consumer.refused", "consumer.parking")
REPLAYS: Final = ("replay.reacted", "replay.settled")
FORGETTING: Final = ("retention.forgotten",)
WEBHOOKS: Final = ("webhooks.followed", "webhooks.claimed", "webhooks.sent", "webhooks.recorded")
"""What somebody passes who is told of events: test_webhooks.py."""
IMPORTS: Final = ("import.applied", "import.committed")

Armed = Mapping[str, str]
"""Which failpoint is set in which service."""


def at_once(name: str, turn: int) -> Armed:
    """Set the same failpoint in every service that passes it."""
    return dict.fromkeys(DAILY[name], f"{name}@{turn}")


CRASHES: Final[Sequence[Armed]] = scaled(
    [
        {
            "pipeline": "request.committed@2",
            "targets": "relay.published@2",
            "performance": "incentives.posted@3",
        }
    ],
    [at_once(name, turn) for name in DAILY for turn in PASSES],
)


def called(armed: Armed) -> str:
    """Name a case after its failpoints."""
    return " ".join(sorted(set(armed.values())))


def test_every_failpoint_has_a_scenario() -> None:
    assert sorted([*DAILY, *REFUSALS, *REPLAYS, *FORGETTING, *IMPORTS, *WEBHOOKS]) == sorted(PLACES)


@asynccontextmanager
async def dying(installation: Installation, armed: Armed) -> AsyncIterator[asyncio.Event]:
    """Let services die at their failpoints; each is started again without one.

    The event is set when all have. Raises AssertionError for one that has not died after
    DYING_SECONDS, or not of SIGKILL.
    """
    children = await asyncio.gather(*(installation.start_armed(*pair) for pair in armed.items()))
    over = asyncio.Event()

    async def start_again(service: str, child: Child) -> str:
        killed = await was_killed(child, DYING_SECONDS)
        await installation.start(service)
        return "" if killed else f"{service} did not die at {armed[service]}"

    async def start_all_again() -> list[str]:
        try:
            return await asyncio.gather(*map(start_again, armed, children))
        finally:
            over.set()

    lives = asyncio.create_task(start_all_again())
    try:
        yield over
    finally:
        immortal = [name for name in await lives if name]
    assert not immortal, immortal


@pytest.mark.parametrize("armed", CRASHES, ids=called)
async def test_a_crash_loses_nothing_and_doubles_nothing(
    installation: Installation, world: World, armed: Armed
) -> None:
    days = Days(world)
    await days.begin()
    # What happens while nobody reads is read when they are back.
    await asyncio.gather(*map(installation.stop, armed))
    missed = asyncio.create_task(days.live())
    async with dying(installation, armed) as over:
        await missed
        await days.live_until(over)
    await whole(installation.stack)
    assert await days.figures() == days.expected()


class Refusing:
    """A service whose database refuses the facts of some deals until it is mended."""

    AMOUNT: Final = "13.13"

    def __init__(self, installation: Installation, world: World, service: str) -> None:
        self.installation = installation
        self.world = world
        self.service = service
        self.count = 0

    async def spoil(self) -> None:
        """Let the database refuse every deal of that amount."""
        await self._execute(
            f"ALTER TABLE {self.service}.fact ADD CONSTRAINT spoiled"
            f" CHECK (body->'amount'->>'amount' <> '{self.AMOUNT}') NOT VALID"
        )

    async def mend(self) -> None:
        """Let it take every deal again."""
        await self._execute(f"ALTER TABLE {self.service}.fact DROP CONSTRAINT IF EXISTS spoiled")

    async def _execute(self, statement: str) -> None:
        admin = await self.installation.administrator()
        try:
            await admin.execute(statement)
        finally:
            await admin.close()

    async def win(self) -> None:
        """Win a deal that will be refused, and one that will not."""
        await self.world.won_deal(self.AMOUNT)
        await self.world.won_deal("1000.00")
        self.count += 1

    async def win_until(self, over: asyncio.Event) -> None:
        """Win deals until all have died."""
        while not over.is_set():
            await self.win()

    async def replay(self) -> int:
        """Replay what is parked; return how many events that were."""
        path = f"/{self.service}/v1/parked"
        page = await self.world.get(path, state="parked", limit=200)
        for item in page["items"]:
            answer = await self.world.http.post(f"{path}/{item['id']}/replay")
            assert answer.status_code == 200, answer.text
        return len(page["items"])


@pytest.fixture(params=READERS)
async def refusing(
    request: pytest.FixtureRequest, installation: Installation, world: World
) -> AsyncIterator[Refusing]:
    made = Refusing(installation, world, request.param)
    await made.spoil()
    try:
        yield made
    finally:
        await made.mend()


async def check(refusing: Refusing) -> None:
    """Check that all is there once the parked events are replayed."""
    world, count = refusing.world, refusing.count
    await world.settle()
    await refusing.mend()
    assert await refusing.replay() == 2 * count  # opened, and won
    await whole(world.stack)
    assert await world.revenue(COMPANY) == str(count * (1000 + Decimal(Refusing.AMOUNT)))
    assert await world.won(COMPANY) == 2 * count


@only_in_full
@pytest.mark.parametrize("turn", PASSES)
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_crash_while_events_are_put_aside(refusing: Refusing, name: str, turn: int) -> None:
    armed = {refusing.service: f"{name}@{turn}"}
    async with dying(refusing.installation, armed) as over:
        await refusing.win_until(over)
    await check(refusing)


@only_in_full
@pytest.mark.parametrize("turn", PASSES)
@pytest.mark.parametrize("name", REPLAYS)
async def test_a_crash_while_events_are_replayed(refusing: Refusing, name: str, turn: int) -> None:
    for _ in range(turn):
        await refusing.win()
    await refusing.world.settle()
    armed = {refusing.service: f"{name}@{turn}"}
    async with dying(refusing.installation, armed):
        await refusing.mend()
        assert await refusing.replay() == 2 * turn
    await whole(refusing.world.stack)
    assert await refusing.world.won(COMPANY) == 2 * turn


@only_in_full
@pytest.mark.parametrize("turn", PASSES)
async def test_a_crash_while_old_keys_are_forgotten(
    installation: Installation, world: World, turn: int
) -> None:
    admin = await installation.administrator()
    await admin.execute(
        "INSERT INTO pipeline.idempotency (caller, key, request_hash, created_at)"
        " SELECT 'old', gen_random_uuid(), '', now() - interval '100 days'"
        "   FROM generate_series(1, 3500)"
    )
    async with dying(installation, {"pipeline": f"retention.forgotten@{turn}"}):
        pass
    assert await admin.fetchval("SELECT count(*) FROM pipeline.idempotency WHERE caller='old'") == 0
    await admin.close()
    await world.won_deal("1000.00")
    await whole(installation.stack)
    assert await world.revenue(COMPANY) == "1000.00"


IMPORTED: Final = 3_500
WAITING: Final = 2_500


@pytest.mark.parametrize("turn", scaled([2], [1, 2, 3, 4]))
@pytest.mark.parametrize("name", IMPORTS)
async def test_a_crash_while_a_file_is_imported(
    installation: Installation, world: World, name: str, turn: int
) -> None:
    source = f"{name}-{turn}"
    lines = [f"{source},{n},客户{n},{n % 7}" for n in range(IMPORTED)]
    content = "\n".join(["source,external_id,name,等级", *lines]).encode()
    async with dying(installation, {"pipeline": f"{name}@{turn}"}):
        sent = await world.http.post(
            "/pipeline/v1/imports", params={"noun": "accounts"}, content=content
        )
        assert sent.status_code == 202, sent.text
    assert await taken(installation, world, sent.json()["id"], source) == (IMPORTED,) * 3
    await whole(installation.stack)


# Three batches and the end of the file: the rows that wait are tried behind the fourth turn.
@pytest.mark.parametrize(
    "failpoint",
    scaled(
        ["import.applied@6"], [f"{name}@{turn}" for name in IMPORTS for turn in (1, 4, 5, 6, 7)]
    ),
)
async def test_a_crash_while_rows_wait_for_who_is_hired_meanwhile(
    installation: Installation, world: World, failpoint: str
) -> None:
    source = failpoint.replace("@", "-waits-")
    lines = [f"{source},{n},商机{n},E-7,{n}.05,2025-04-01" for n in range(WAITING)]
    content = "\n".join(["source,external_id,name,负责人工号,amount,opened_on", *lines]).encode()
    body = {"name": "曾惠", "unit_id": None, "leads": False, "valid_from": "2025-01-01"}
    async with (
        dying(installation, {"pipeline": failpoint}),
        hearing_of_nobody(installation),
    ):
        hired = await world.http.put(f"/targets/v1/members/by-external/{source}/E-7", json=body)
        assert hired.status_code == 200, hired.text
        sent = await world.http.post(
            "/pipeline/v1/imports", params={"noun": "deals"}, content=content
        )
        assert sent.status_code == 202, sent.text
        await reached(world, sent.json()["id"], "waiting")
    assert await taken(installation, world, sent.json()["id"], source) == (WAITING,) * 3
    await whole(installation.stack)


@asynccontextmanager
async def hearing_of_nobody(installation: Installation) -> AsyncIterator[None]:
    """Keep the pipeline from taking what it hears of members, until the end of the block."""
    admin = await installation.administrator()
    try:
        async with admin.transaction():
            await admin.execute("LOCK TABLE pipeline.directory_member IN SHARE MODE")
            yield
    finally:
        await admin.close()


async def reached(world: World, operation_id: str, state: str) -> dict[str, Any]:
    """Return an import once it is in a state."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(DYING_SECONDS):
        while found.get("state") != state:
            found = await world.get(f"/pipeline/v1/operations/{operation_id}")
            await asyncio.sleep(0.05)
    return found


async def taken(
    installation: Installation, world: World, operation_id: str, source: str
) -> tuple[int, int, int]:
    """Wait for an import; return how many rows it created, how many there are, and results."""
    done = await reached(world, operation_id, "done")
    admin = await installation.administrator()
    rows = await admin.fetchval(
        "SELECT (SELECT count(*) FROM pipeline.account WHERE external_source = $1)"
        " + (SELECT count(*) FROM pipeline.deal WHERE external_source = $1)",
        source,
    )
    results = await admin.fetchval(
        "SELECT count(*) FROM pipeline.import_row WHERE job_id = $1", UUID(operation_id)
    )
    await admin.close()
    return done["counts"]["created"], rows, results
