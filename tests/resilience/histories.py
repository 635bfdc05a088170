"""Whole histories, and every way in which they may reach their readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from hypothesis import strategies as st

from shared.contracts.contract import MoneyValue
from shared.contracts.pipeline import (
    DealEdited,
    DealFact,
    DealLost,
    DealOpened,
    DealReopened,
    DealShare,
    DealStage,
    DealWon,
)
from shared.contracts.targets import Metric, ScopeKind
from shared.ids import derived_id
from shared.money import Money, apportioned

COMPANY, EAST, WEST = (derived_id("单元", name) for name in ("星海科技", "东区", "西区"))
NAMES = {derived_id("成员", name): name for name in ("李明", "王芳", "张伟", "陈静")}
LI, WANG, ZHANG, CHEN = NAMES
SELLERS = (LI, WANG, ZHANG)
SELLER_PLAN, LEADER_PLAN, COMPANY_PLAN = (
    derived_id("方案", name) for name in ("销售提成", "团队提成", "公司提成")
)
PAID = (
    (SELLER_PLAN, LI),
    (SELLER_PLAN, WANG),
    (SELLER_PLAN, ZHANG),
    (LEADER_PLAN, CHEN),
    (COMPANY_PLAN, ZHANG),
)
READERS = ("attainment", "credits", "wins")
QUARTERS = ("2025-Q2", "2025-Q3")
REPEATS_MAX = 5
# Only what is won counts, so most of it is.
STAGES = (DealStage.WON, DealStage.WON, DealStage.WON, DealStage.OPEN, DealStage.LOST)

days = st.sampled_from([date(2025, 4, 1), date(2025, 5, 15), date(2025, 6, 30), date(2025, 7, 1)])
sinces = st.sampled_from([date(2025, 1, 1), date(2025, 5, 1), date(2025, 7, 1)])
amounts = st.integers(0, 20_000_000).map(lambda cents: Decimal(cents).scaleb(-2))


@dataclass(frozen=True, slots=True)
class SetTarget:
    """Somebody sets, changes or withdraws a target."""

    scope: ScopeKind
    scope_id: UUID
    metric: Metric
    period: str
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Move:
    """A member belongs to another unit from a day on, also of the past."""

    member_id: UUID
    unit_id: UUID | None
    since: date


@dataclass(frozen=True, slots=True)
class Hang:
    """A unit hangs elsewhere from a day on."""

    unit_id: UUID
    parent_id: UUID | None
    since: date


@dataclass(frozen=True, slots=True)
class Assign:
    """A payee is paid by a plan, for the past too."""

    plan_id: UUID
    payee_id: UUID
    since: date


Act: TypeAlias = SetTarget | Move | Hang | Assign


@dataclass(frozen=True, slots=True)
class Hear:
    """A reader of deals hears the deal event at a place of the log; ``parked``: aside, and back.

    Of two steps with ``parked`` the first one parks the event and the second one replays it.
    """

    reader: str
    place: int
    parked: bool = False


@dataclass(frozen=True, slots=True)
class Do:
    """The next act of the history is done."""


@dataclass(frozen=True, slots=True)
class Follow:
    """Pay hears what targets has told up to now, each event up to five times, in any order."""

    dice: int


@dataclass(frozen=True, slots=True)
class Work:
    """The chores of both services do what waits."""


Step: TypeAlias = Hear | Do | Follow | Work


@dataclass(frozen=True, slots=True)
class History:
    """What happened, in the order in which it did, and the steps in which readers learn of it.

    ``after[i]`` acts are done before fact ``i`` is told, when all goes in order.
    """

    facts: tuple[DealFact, ...]
    acts: tuple[Act, ...]
    after: tuple[int, ...]
    steps: tuple[Step, ...]
    batch: int

    def __repr__(self) -> str:
        """Return the history as somebody would tell it."""
        facts = [
            f"{place}: {fact.stage} v{fact.version} of {str(fact.deal_id)[:4]}"
            f" {fact.amount.amount} {fact.amount.currency} on {fact.closed_on} by "
            + ", ".join(NAMES[share.member_id] for share in fact.shares)
            for place, fact in enumerate(self.facts)
        ]
        lines = [*facts, *map(str, self.acts), f"after {self.after}, in batches of {self.batch}"]
        return "\n".join([*lines, *map(str, self.steps)])


@st.composite
def deals(draw: st.DrawFn, number: int) -> list[DealFact]:
    """Return the versions of a deal: won, corrected, reopened, lost, with changing splits."""
    stages = draw(st.lists(st.sampled_from(STAGES), min_size=1, max_size=4))
    deal_id = derived_id("商机", number)
    versions = []
    before = None
    for version, stage in enumerate(stages, start=1):
        versions.append(draw(_facts(deal_id, version, stage, before)))
        before = stage
    return versions


@st.composite
def _facts(
    draw: st.DrawFn, deal_id: UUID, version: int, stage: DealStage, before: DealStage | None
) -> DealFact:
    members = draw(st.lists(st.sampled_from(SELLERS), min_size=1, max_size=3, unique=True))
    currency = draw(st.sampled_from(["CNY", "CNY", "CNY", "USD"]))
    weights = [Decimal(1) / len(members)] * len(members)
    amount, quantity = Money(draw(amounts), currency), Decimal(draw(st.integers(0, 5)))
    parts = zip(members, weights, amount.split(weights), _units(quantity, weights), strict=True)
    return _contract(stage, before)(
        version=version,
        deal_id=deal_id,
        name="华东银行核心系统",
        stage=stage,
        owner_id=members[0],
        account_id=None,
        amount=MoneyValue.of(amount),
        quantity=quantity,
        shares=tuple(
            DealShare(member_id=member, share=share, amount=MoneyValue.of(part), quantity=units)
            for member, share, part, units in parts
        ),
        lines=(),
        opened_on=date(2025, 1, 2),
        closed_on=None if stage is DealStage.OPEN else draw(days),
    )


def _units(quantity: Decimal, weights: Sequence[Decimal]) -> Sequence[Decimal]:
    return apportioned(quantity, weights, 6)


def _contract(stage: DealStage, before: DealStage | None) -> type[DealFact]:
    if before is stage:
        return DealEdited
    if stage is DealStage.OPEN:
        return DealOpened if before is None else DealReopened
    return DealWon if stage is DealStage.WON else DealLost


_aims = st.sampled_from(
    [
        (ScopeKind.MEMBER, LI),
        (ScopeKind.MEMBER, WANG),
        (ScopeKind.UNIT, EAST),
        (ScopeKind.UNIT, WEST),
        (ScopeKind.UNIT, COMPANY),
    ]
)


@st.composite
def _set_targets(draw: st.DrawFn) -> SetTarget:
    scope, scope_id = draw(_aims)
    metric = draw(st.sampled_from([Metric.REVENUE, Metric.REVENUE, Metric.UNITS]))
    value = draw(st.none() | amounts)
    return SetTarget(scope, scope_id, metric, draw(st.sampled_from(QUARTERS)), value)


_moves = st.builds(
    Move, st.sampled_from(SELLERS), st.sampled_from([EAST, WEST, COMPANY, None]), sinces
)
_hangs = st.builds(Hang, st.just(EAST), st.sampled_from([COMPANY, WEST, None]), sinces)


@st.composite
def _acts(draw: st.DrawFn) -> tuple[Act, ...]:
    # Whatever else happens, somebody aims at something that others reach, and somebody moves.
    aim = SetTarget(ScopeKind.UNIT, EAST, Metric.REVENUE, QUARTERS[0], draw(amounts))
    free = [aim, draw(_moves), *draw(st.lists(_set_targets() | _moves | _hangs, max_size=5))]
    paid = [
        Assign(plan_id, payee_id, draw(st.sampled_from([date(2025, 1, 1), date(2025, 7, 1)])))
        for plan_id, payee_id in draw(st.lists(st.sampled_from(PAID), min_size=2, unique=True))
    ]
    return tuple(draw(st.permutations([*free, *paid])))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Return a history of one to three deals and the acts around them, and how it is heard."""
    log: list[DealFact] = []
    for number in range(draw(st.sampled_from([1, 2, 2, 3]))):
        log = draw(_merged(log, draw(deals(number))))
    acts = draw(_acts())
    after = sorted(draw(st.lists(st.integers(0, len(acts)), min_size=len(log), max_size=len(log))))
    steps: list[Step] = [Do() for _ in acts]
    for place in range(len(log)):
        for reader in READERS:
            steps += [Hear(reader, place)] * draw(st.sampled_from([1, 1, 1, 2, REPEATS_MAX]))
            if draw(st.integers(0, 5)) == 0:
                steps += [Hear(reader, place, parked=True)] * 2
    steps += [Work()] * draw(st.integers(0, 3))
    steps += draw(st.lists(st.builds(Follow, st.integers(0, 999)), max_size=3))
    return History(
        facts=tuple(log),
        acts=acts,
        after=tuple(after),
        steps=tuple(draw(st.permutations(steps))),
        batch=draw(st.sampled_from([1, 3, 500])),
    )


@st.composite
def _merged(
    draw: st.DrawFn, log: Sequence[DealFact], versions: Sequence[DealFact]
) -> list[DealFact]:
    """Return two logs as one; what is in order in either stays so."""
    turns = draw(st.permutations([True] * len(log) + [False] * len(versions)))
    told, others = iter(log), iter(versions)
    return [next(told if turn else others) for turn in turns]
