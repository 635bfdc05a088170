"""The deals of the demonstration, and what each step must bring to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deploy.demo.company import ACCOUNTS, COMPANY, PEOPLE, TEAMS

CHEN, LI, WANG, ZHOU, ZHANG, LIU, ZHAO = (person.name for person in PEOPLE)
SHANGHAI, HANGZHOU = TEAMS


class Act(StrEnum):
    """What is done with a deal."""

    WIN = "win"
    REOPEN = "reopen"
    WIN_AGAIN = "win again"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a deal is won or reopened; then the named figures must stand as given.

    ``attained`` are the targets that move, by member or unit; ``earned`` the payees that are
    recalculated, with what they have then earned in the quarter.
    """

    title: str
    act: Act
    deal: str
    amount: str | None
    attained: Mapping[str, str]
    earned: Mapping[str, str]
    owner: str = ""
    account: str = ACCOUNTS[0]
    shares: Mapping[str, str] = field(default_factory=dict)


STORY = (
    # Li: 60,000 × 5 % = 3,000. Shanghai is at 27 % of its target: Chen gets 60,000 × 0.5 % = 300.
    Step(
        title="A deal is won · 赢单",
        act=Act.WIN,
        deal="A",
        amount="60000.00",
        owner=LI,
        attained={LI: "60000.00", SHANGHAI: "60000.00", COMPANY: "60000.00"},
        earned={LI: "3000.00", CHEN: "300.00"},
    ),
    # Halves of 50,000.01 are 25,000.01 and 25,000.00. Li: 85,000.01 × 5 % = 4,250.0005; Wang:
    # 25,000 × 5 %. Shanghai passes 50 % of 220,000: all of 110,000.01 × 1 % = 1,100.0001.
    Step(
        title="A deal is split between two sellers · 两人分单",
        act=Act.WIN,
        deal="B",
        amount="50000.01",
        owner=LI,
        account=ACCOUNTS[1],
        shares={LI: "0.5", WANG: "0.5"},
        attained={
            LI: "85000.01",
            WANG: "25000.00",
            SHANGHAI: "110000.01",
            COMPANY: "110000.01",
        },
        earned={LI: "4250.00", WANG: "1250.00", CHEN: "1100.00"},
    ),
    # Li passes 100,000: 100,000 × 5 % + 25,000.01 × 8 % = 5,000 + 2,000.0008.
    Step(
        title="A deal crosses the target · 超越目标",
        act=Act.WIN,
        deal="C",
        amount="40000.00",
        owner=LI,
        account=ACCOUNTS[2],
        attained={LI: "125000.01", SHANGHAI: "150000.01", COMPANY: "150000.01"},
        earned={LI: "7000.00", CHEN: "1500.00"},
    ),
    # Hangzhou is exactly at 50 % of 180,000, which belongs to the tier from 50 % on: × 1 %.
    Step(
        title="The other team wins · 另一团队赢单",
        act=Act.WIN,
        deal="D",
        amount="90000.00",
        owner=ZHANG,
        account=ACCOUNTS[1],
        attained={ZHANG: "90000.00", HANGZHOU: "90000.00", COMPANY: "240000.01"},
        earned={ZHANG: "4500.00", ZHOU: "900.00"},
    ),
    Step(
        title="That deal is reopened: everything is taken back · 重新打开，全部冲回",
        act=Act.REOPEN,
        deal="D",
        amount=None,
        attained={ZHANG: "0.00", HANGZHOU: "0.00", COMPANY: "150000.01"},
        earned={ZHANG: "0.00", ZHOU: "0.00"},
    ),
    # Zhang: 100,000 × 5 % + 8,000.50 × 8 % = 5,000 + 640.04. Zhou: 108,000.50 × 1 % = 1,080.005.
    Step(
        title="And won again for another amount · 以新金额再次赢单",
        act=Act.WIN_AGAIN,
        deal="D",
        amount="108000.50",
        attained={ZHANG: "108000.50", HANGZHOU: "108000.50", COMPANY: "258000.51"},
        earned={ZHANG: "5640.04", ZHOU: "1080.01"},
    ),
    # Zhao has no target, so 5 % on all. Zhou: 128,000.50 × 1 % = 1,280.005.
    Step(
        title="A seller without a target wins · 无目标的销售赢单",
        act=Act.WIN,
        deal="E",
        amount="20000.00",
        owner=ZHAO,
        attained={HANGZHOU: "128000.50", COMPANY: "278000.51"},
        earned={ZHAO: "1000.00", ZHOU: "1280.01"},
    ),
)
STATEMENT_OF = LI
