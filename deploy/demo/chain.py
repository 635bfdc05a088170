"""One step of the story: done over HTTP, then watched until the last figure has followed."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from deploy.demo.client import Api, DemoFailed, Json
from deploy.demo.company import CURRENCY, Company, money
from deploy.demo.feeds import Seen, Watch
from deploy.demo.story import Act, Step
from shared.money import Money
from shared.ratio import Ratio

CHAIN_SECONDS_MAX: Final = 10
ATTAINMENT: Final = "targets.attainment.updated"
INCENTIVE: Final = "performance.incentive.recalculated"
WHOSE: Final = {ATTAINMENT: "scope_id", INCENTIVE: "payee_id"}
"""The events that tell of a figure, and the field that says whose it is."""


class Figure(NamedTuple):
    """The attainment of a member or unit, or the incentive of a payee."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure that followed, and how long after the HTTP answer it was seen."""

    figure: Figure
    before: Money
    after: Money
    attainment: Ratio | None
    milliseconds: Decimal


@dataclass(frozen=True, slots=True)
class Told:
    """A step as it was seen from outside; the event is that of the deal."""

    step: Step
    answer_milliseconds: Decimal
    event_number: int
    event_milliseconds: Decimal
    moved: Sequence[Moved]


class Chain:
    """The deals of a company and the figures that follow them."""

    def __init__(self, api: Api, watch: Watch, company: Company, today: date) -> None:
        self._api = api
        self._watch = watch
        self._company = company
        self._today = today
        self._deals: dict[str, str] = {}
        self._figures: dict[Figure, Money] = {}

    async def run(self, step: Step) -> Told:
        """Do a step and return what followed; raises DemoFailed unless it is what must follow."""
        deal_id = await self._prepared(step)
        mark = self._watch.mark()
        body = {"to": "open"} if step.act is Act.REOPEN else {"to": "won", "on": str(self._today)}
        sent = time.monotonic()
        deal = await self._api.post(f"/pipeline/v1/deals/{deal_id}/transitions", body)
        answered = time.monotonic()
        seen = await self._watch.until(
            lambda events: not self._awaited(step, deal, events), mark, CHAIN_SECONDS_MAX
        )
        cause = _cause(seen, deal)
        late = self._awaited(step, deal, seen)
        if cause is None or late:
            raise DemoFailed(
                f"{step.title}: not seen within {CHAIN_SECONDS_MAX} s: {_listed(late)}"
            )
        moved = [
            self._moved(figure, event, answered)
            for figure, event in self._effects(seen, cause).items()
        ]
        _check(step, moved)
        return Told(
            step,
            _milliseconds(sent, answered),
            cause.number,
            _milliseconds(answered, cause.at),
            moved,
        )

    async def _prepared(self, step: Step) -> str:
        """Return the deal of a step as it is before it: opened, or edited to another amount."""
        known = self._deals.get(step.deal)
        if known is None:
            opened = await self._api.post("/pipeline/v1/deals", self._terms(step))
            known = self._deals[step.deal] = opened["id"]
        elif step.amount is not None:
            lines = [self._line(step.amount)]
            await self._api.patch(f"/pipeline/v1/deals/{known}", {"lines": lines})
        return known

    def _terms(self, step: Step) -> Json:
        members = self._company.members
        shares = [
            {"member_id": members[name], "share": share} for name, share in step.shares.items()
        ]
        return {
            "name": f"{step.account} · {step.deal}",
            "owner_id": members[step.owner],
            "account_id": self._company.accounts[step.account],
            "lines": [self._line(step.amount or "0")],
            "shares": shares or None,
            "opened_on": self._company.period.period.start.isoformat(),
        }

    def _line(self, amount: str) -> Json:
        product_id = self._company.products["PH-ENTERPRISE"]
        return {"product_id": product_id, "quantity": "1", "amount": money(amount)}

    def _awaited(self, step: Step, deal: Json, events: Sequence[Seen]) -> set[Figure]:
        """Return the figures that have not followed yet."""
        wanted = {Figure(ATTAINMENT, name) for name in step.attained}
        wanted |= {Figure(INCENTIVE, name) for name in step.earned}
        cause = _cause(events, deal)
        return wanted if cause is None else wanted - self._effects(events, cause).keys()

    def _effects(self, events: Sequence[Seen], cause: Seen) -> dict[Figure, Seen]:
        """Return what an event has led to so far; its correlation id runs through the chain."""
        effects: dict[Figure, Seen] = {}
        for event in events:
            if event.correlation_id == cause.correlation_id and event.kind in WHOSE:
                whose = event.data[WHOSE[event.kind]]
                effects[Figure(event.kind, self._company.name_of(whose) or whose)] = event
        return effects

    def _moved(self, figure: Figure, event: Seen, answered: float) -> Moved:
        data = event.data
        after = data["actual"] if figure.kind == ATTAINMENT else data["amount"]["amount"]
        amount = Money.of(after, CURRENCY)
        before = self._figures.get(figure, Money.zero(CURRENCY))
        self._figures[figure] = amount
        share = None if data["attainment"] is None else Ratio(data["attainment"])
        return Moved(figure, before, amount, share, _milliseconds(answered, event.at))


def _cause(events: Sequence[Seen], deal: Json) -> Seen | None:
    """Return the event of this version of the deal, as the feed of the pipeline serves it."""
    for event in events:
        if (event.subject, event.version) == (deal["id"], deal["version"]):
            return event
    return None


def _check(step: Step, moved: Sequence[Moved]) -> None:
    """Refuse figures that are not the expected ones, missing and needless ones included."""
    expected = {Figure(ATTAINMENT, name): amount for name, amount in step.attained.items()}
    expected |= {Figure(INCENTIVE, name): amount for name, amount in step.earned.items()}
    found = {change.figure: change.after.rounded().text for change in moved}
    wrong = {figure for figure in expected | found if expected.get(figure) != found.get(figure)}
    if wrong:
        said = "; ".join(
            f"{figure.kind} of {figure.name} is {found.get(figure)}, not {expected.get(figure)}"
            for figure in sorted(wrong)
        )
        raise DemoFailed(f"{step.title}: {said}.")


def _listed(figures: Iterable[Figure]) -> str:
    return ", ".join(f"{figure.kind} of {figure.name}" for figure in sorted(figures))


def _milliseconds(start: float, end: float) -> Decimal:
    return Decimal(f"{(end - start) * 1000:.1f}")
