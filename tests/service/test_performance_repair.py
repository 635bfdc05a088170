"""After a restore of targets or pipeline, pay is what the restored sources say, to the cent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from services.performance.service import SERVICE
from shared.contracts.contract import Contract
from shared.contracts.targets import ScopeKind
from shared.db import Connection
from shared.events.snapshot import START, Stretch, Tip
from shared.ids import derived_id
from tests.service.conftest import Installation
from tests.service.performance_world import World, deal, performance, reached, target, team

LI, WANG, EAST, WEST = (derived_id("scope", name) for name in ("李雷", "王芳", "东区", "西区"))
TIP = Tip(40, derived_id("event 40"))


async def correct(world: World, source: str, *contents: Contract) -> int:
    """Bring the reader of pay to a source's snapshot; return how many were otherwise."""
    (subscription,) = (
        one for one in SERVICE.subscriptions if one.source == source and one.consumer != "directory"
    )
    events = [replace(world.event(content), number=TIP.number) for content in contents]
    stretch = Stretch(source, 0, TIP, START, None, events)

    async def work(conn: Connection) -> int:
        assert subscription.correct is not None
        return await subscription.correct(conn, world.context(), stretch)

    return await world.database.transact(work)


async def values(world: World) -> Sequence[tuple[Decimal | None, Decimal | None]]:
    rows = await world.rows(
        "SELECT q.value, a.actual FROM quota AS q"
        " FULL JOIN quota_actual AS a ON a.target_id = q.target_id ORDER BY q.value"
    )
    return [(row["value"], row["actual"]) for row in rows]


async def test_targets_go_back_to_lower_versions_and_those_that_are_lost_are_forgotten(
    installation: Installation,
) -> None:
    async with performance(installation) as world:
        await world.make(team(EAST), payees=[LI])
        await world.make(team(WEST), payees=[WANG])
        east = target(EAST, "1000.00", scope=ScopeKind.UNIT)
        await world.tell(east, reached(EAST, "500.00"))
        lowered = east.model_copy(update={"version": 3, "value": Decimal(100)})
        west = target(WEST, "1000.00", scope=ScopeKind.UNIT)
        await world.tell(lowered, reached(EAST, "900.00", version=8), west)
        await world.tell(reached(WEST, "2000.00"))
        # 100 × 5 % + 800 × 8 %; 1,000 × 5 % + 1,000 × 8 %
        assert [await world.due(payee) for payee in (LI, WANG)] == ["69.00", "130.00"]

        assert await correct(world, "targets", east, reached(EAST, "500.00", version=2)) == 2
        assert await values(world) == [(Decimal(1000), Decimal(500))]
        # 500 × 5 %, and a unit without a target pays nothing.
        assert [await world.due(payee) for payee in (LI, WANG)] == ["25.00", "0.00"]
        assert await correct(world, "targets", east, reached(EAST, "500.00", version=2)) == 0

        await world.tell(reached(EAST, "700.00", version=3))
        assert await world.due(LI) == "35.00"


async def test_an_answer_that_is_told_again_under_its_id_is_worked_in_again(
    installation: Installation,
) -> None:
    async with performance(installation) as world:
        await world.make(team(EAST), payees=[LI])
        east = target(EAST, "1000.00", scope=ScopeKind.UNIT)
        await world.tell(east)
        answer = world.event(reached(EAST, "900.00"))
        await world.react(answer)
        assert await world.due(LI) == "45.00"
        await correct(world, "targets", east)
        assert await world.due(LI) == "0.00"
        # Targets, restored, reads the same deal again: the same cause, so the same id.
        await world.react(answer)
        assert await world.due(LI) == "45.00"


@pytest.mark.parametrize("amount", ["70.00", "100.00"])
async def test_deals_go_back_to_lower_versions_and_those_that_are_lost_are_taken_back(
    installation: Installation, amount: str
) -> None:
    async with performance(installation) as world:
        await world.make(payees=[LI, WANG])
        kept = deal({LI: "100.00"})
        edited = kept.model_copy(update={"version": 4})
        moved = deal({WANG: "100.00"}, deal_id=kept.deal_id, version=5)
        lost = deal({LI: "300.00"})
        await world.tell(kept, edited, moved, lost)
        assert [await world.due(payee) for payee in (LI, WANG)] == ["15.00", "5.00"]
        told = deal({LI: amount}, deal_id=kept.deal_id, version=2)
        assert await correct(world, "pipeline", told) == 2
        assert [await world.due(payee) for payee in (LI, WANG)] == [
            f"{Decimal(amount) * Decimal('0.05'):.2f}",
            "0.00",
        ]
        # Its own next version counts, however high the lost one was.
        await world.tell(deal({LI: "40.00"}, deal_id=kept.deal_id, version=3))
        assert await world.due(LI) == "2.00"
