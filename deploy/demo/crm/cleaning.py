"""From the rows of an export to what is posted: every correction is counted and has a reason."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from deploy.demo.crm.reading import Agent, Export, ExportUnusable, Opportunity, Product
from shared.contracts.pipeline import DealStage
from shared.currencies import MINOR_DIGITS
from shared.money import Money, UnknownCurrency
from shared.period import FiscalCalendar

STAGES: Final = {
    "Prospecting": DealStage.OPEN,
    "Engaging": DealStage.OPEN,
    "Won": DealStage.WON,
    "Lost": DealStage.LOST,
}
NOBODY: Final = "—"


class Correction(NamedTuple):
    """What was found in the files, and what was made of it; the order of the summary."""

    found: str
    made: str


NO_ACCOUNT: Final = Correction("open deals without an account", "taken without one")
NO_VALUE: Final = Correction("open deals without a value", "expected amount: the list price")
LOST_AT_ZERO: Final = Correction("lost deals with the value 0", "expected amount: the list price")
STAGE_TO_OPEN: Final = Correction(
    "stages Prospecting and Engaging", "open; the pipeline has no finer"
)


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity as it is posted; one line of quantity 1 of its product."""

    id: str
    agent: str
    product: str
    account: str | None
    stage: DealStage
    amount: Money
    opened_on: date
    closed_on: date | None

    @property
    def name(self) -> str:
        """Return the name that people see."""
        return f"{self.product} · {self.account or NOBODY}"


@dataclass(frozen=True, slots=True)
class Load:
    """All that is posted. ``since``: the organisation's first day; ``paid_since``: the plan's."""

    currency: str
    agents: Sequence[Agent]
    products: Sequence[Product]
    accounts: Sequence[str]
    deals: Sequence[Deal]
    since: date
    paid_since: date
    corrections: Mapping[Correction, int]

    @property
    def regions(self) -> Sequence[str]:
        """Return the regions in the order of their first agent."""
        return list(dict.fromkeys(agent.region for agent in self.agents))

    @property
    def managers(self) -> Mapping[str, str]:
        """Return the region of each manager."""
        return {agent.manager: agent.region for agent in self.agents}


def cleaned(export: Export, currency: str, calendar: FiscalCalendar) -> Load:
    """Return what to post of an export; raises ExportUnusable for what cannot be mended."""
    _check(export, currency)
    days = [row.closed_on for row in export.opportunities if row.closed_on is not None]
    days += [row.engaged_on for row in export.opportunities if row.engaged_on is not None]
    if not days:
        raise ExportUnusable("No opportunity has a date.")
    corrections: Counter[Correction] = Counter()
    corrections.update(_idle(export))
    names = _product_names(export)
    prices = {product.name: product.price for product in export.products}
    deals = []
    for row in export.opportunities:
        product = names[row.product]
        price = Money(prices[product], currency)
        deals.append(_deal(row, product, price, max(days), corrections))
    closings = [deal.closed_on for deal in deals if deal.closed_on is not None]
    return Load(
        currency=currency,
        agents=export.agents,
        products=export.products,
        accounts=sorted({deal.account for deal in deals if deal.account is not None}),
        deals=deals,
        since=calendar.year(min(days)).period.start,
        paid_since=calendar.quarter(min(closings, default=min(days))).period.start,
        corrections=corrections,
    )


def _deal(
    row: Opportunity, product: str, price: Money, last: date, corrections: Counter[Correction]
) -> Deal:
    stage = STAGES[row.stage]
    value = row.value
    if product != row.product:
        corrections[Correction(f"product {row.product!r}", f"{product!r}, as in the products")] += 1
    if row.account is None:
        corrections[NO_ACCOUNT] += 1
    if stage is DealStage.OPEN:
        corrections[STAGE_TO_OPEN] += 1
        if value is None:
            corrections[NO_VALUE] += 1
    elif stage is DealStage.LOST and not value:
        corrections[LOST_AT_ZERO] += 1
        value = None
    opened_on = row.engaged_on
    if opened_on is None:
        opened_on = row.closed_on or last
        corrections[Correction("deals without an engage date", f"opened on {opened_on}")] += 1
    return Deal(
        id=row.id,
        agent=row.agent,
        product=product,
        account=row.account,
        stage=stage,
        amount=price if value is None else Money(value, price.currency),
        opened_on=opened_on,
        closed_on=row.closed_on,
    )


def _product_names(export: Export) -> Mapping[str, str]:
    """Return what each product of the pipeline is called in the list of products."""
    known = {_letters(product.name): product.name for product in export.products}
    found = {}
    for row in export.opportunities:
        name = known.get(_letters(row.product))
        if name is None:
            raise ExportUnusable(f"{row.at}: there is no product {row.product!r}.")
        found[row.product] = name
    return found


def _letters(name: str) -> str:
    return "".join(name.split()).casefold()


def _idle(export: Export) -> Iterator[Correction]:
    busy = {row.agent for row in export.opportunities}
    for agent in export.agents:
        if agent.name not in busy:
            yield Correction("agents without any deal", "members all the same")


def _check(export: Export, currency: str) -> None:
    """Refuse what contradicts itself, before anything is posted."""
    if currency not in MINOR_DIGITS:
        raise ExportUnusable(UnknownCurrency(currency=currency).text("en"))
    _refuse_twice((agent.name for agent in export.agents), "agent")
    _refuse_twice((_letters(product.name) for product in export.products), "product")
    _refuse_twice((row.id for row in export.opportunities), "opportunity")
    regions: dict[str, str] = {}
    for agent in export.agents:
        if regions.setdefault(agent.manager, agent.region) != agent.region:
            raise ExportUnusable(f"Manager {agent.manager} has agents in two regions.")
    for product in export.products:
        _check_amount(Money(product.price, currency), f"Product {product.name}")
    agents = {agent.name for agent in export.agents}
    for row in export.opportunities:
        if row.agent not in agents:
            raise ExportUnusable(f"{row.at}: {row.agent} is in no team.")
        _check_closing(row)
        if row.value is not None:
            _check_amount(Money(row.value, currency), row.at)


def _check_closing(row: Opportunity) -> None:
    stage = STAGES.get(row.stage)
    if stage is None:
        raise ExportUnusable(f"{row.at}: stage {row.stage!r} is none of {', '.join(STAGES)}.")
    if (stage is DealStage.OPEN) != (row.closed_on is None):
        raise ExportUnusable(f"{row.at}: stage {row.stage} and close_date do not go together.")
    if stage is DealStage.WON and row.value is None:
        raise ExportUnusable(f"{row.at}: a won deal has no close_value.")
    if row.closed_on is not None and row.engaged_on is not None and row.closed_on < row.engaged_on:
        raise ExportUnusable(f"{row.at}: it was closed before it was engaged.")


def _check_amount(amount: Money, where: str) -> None:
    if not amount.is_rounded:
        raise ExportUnusable(f"{where}: {amount} has more decimals than its currency.")


def _refuse_twice(names: Iterable[str], noun: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ExportUnusable(f"The {noun} {name} is there {count} times.")
