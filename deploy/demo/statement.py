"""A payee's statement with the ledger behind it, and whether all of its sums agree."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from deploy.demo.client import Api, DemoFailed, Json
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Statement:
    """What the API says of a payee and period: the statement, and every entry of its ledger."""

    document: Json
    entries: Sequence[Json]

    @property
    def components(self) -> Sequence[Json]:
        """Return what each component pays, and why."""
        components: Sequence[Json] = self.document["components"]
        return components


class Sums(NamedTuple):
    """What one component pays, added up in every way that there is."""

    component: str
    amount: Money
    lines: Money
    credits: Money | None
    ledger: Money


async def read_statement(api: Api, payee_id: str, period: str) -> Statement:
    """Return a payee's statement of a period."""
    path = f"/performance/v1/statements/{payee_id}/{period}"
    document = await api.get(path)
    entries = [entry async for entry in api.items(f"{path}/entries")]
    return Statement(document, entries)


def sums(statement: Statement) -> Iterator[Sums]:
    """Yield the sums of each component; raises DemoFailed where they differ.

    A component that is not paid by deals of the payee has no credits to add up.
    """
    for component in statement.components:
        amount = to_money(component["amount"])
        nothing = Money.zero(amount.currency)
        key = (component["plan_id"], component["component"])
        credited = component["credits"]
        found = Sums(
            component=component["component"],
            amount=amount,
            lines=_sum((line["amount"] for line in component["lines"]), nothing),
            credits=_sum((c["commission"] for c in credited), nothing) if credited else None,
            ledger=_sum(
                (e["amount"] for e in statement.entries if (e["plan_id"], e["component"]) == key),
                nothing,
            ),
        )
        every = [found.lines, found.ledger, amount if found.credits is None else found.credits]
        if any(total != amount for total in every):
            raise DemoFailed(f"The sums of a statement do not agree: {found}.")
        yield found


def _sum(amounts: Iterable[Json], nothing: Money) -> Money:
    return sum(map(to_money, amounts), nothing)


def to_money(document: Json) -> Money:
    """Return an amount of the wire as the type that calculates."""
    return Money.of(document["amount"], document["currency"])
