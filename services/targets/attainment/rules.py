"""What a deal counts for, and what must be posted so that the ledger says it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from services.targets.attainment.model import (
    NOTHING,
    Amount,
    Entry,
    Figure,
    Figures,
    Key,
    Place,
    Posting,
)
from services.targets.org.model import Organisation
from shared.contracts.pipeline import DealFact, DealStage
from shared.contracts.targets import Metric, ScopeKind
from shared.period import FiscalCalendar, NamedPeriod

Posted = Mapping[UUID, Amount]


class Counted(NamedTuple):
    """What a share of a deal counts for in one scope."""

    revenue: Key
    units: Key


def figures(fact: DealFact, organisation: Organisation, calendar: FiscalCalendar) -> Figures:
    """Return what a deal counts for: nothing unless won, else by the quarter of its closing.

    A share counts for its member and for every unit above the member on that day. A deal counts
    once for a unit, however many of its members share it.
    """
    if fact.stage is not DealStage.WON or fact.closed_on is None:
        return {}
    period = calendar.quarter(fact.closed_on)
    found: dict[UUID, Figure] = {}
    for share in fact.shares:
        path = organisation.path(share.member_id, fact.closed_on)
        for counted in _counted(share.member_id, path, period, share.amount.currency):
            _count(found, counted.revenue, share.amount.amount)
            if share.quantity:
                _count(found, counted.units, share.quantity)
    return found


# The same for every deal of a member in a period, and most of the work of a posting.
@lru_cache(maxsize=16_384)
def _counted(
    member_id: UUID, path: tuple[UUID, ...], period: NamedPeriod, currency: str
) -> tuple[Counted, ...]:
    scopes = [(ScopeKind.MEMBER, member_id), *((ScopeKind.UNIT, unit_id) for unit_id in path)]
    return tuple(
        Counted(
            Key(scope, scope_id, Metric.REVENUE, period, currency),
            Key(scope, scope_id, Metric.UNITS, period, ""),
        )
        for scope, scope_id in scopes
    )


def _count(found: dict[UUID, Figure], key: Key, value: Decimal) -> None:
    before = found.get(key.id)
    if before is None:
        amount = Amount(value, 1)
    else:
        amount = Amount(before.amount.value + value, before.amount.deals)
    found[key.id] = Figure(key, amount)


def entries(postings: Sequence[Posting], posted: Mapping[UUID, Posted]) -> Sequence[Entry]:
    """Return the differences that make the ledger say what the postings say, one by one in order.

    ``posted`` is what the ledger says of each fact before the first of them. The entries of a
    posting stand together.
    """
    ledger = dict(posted)
    found: list[Entry] = []
    for posting in postings:
        before = ledger.get(posting.fact_id, {})
        wanted = {key: figure.amount for key, figure in posting.figures.items()}
        for attainment_id in {**wanted, **before}:
            new, old = wanted.get(attainment_id, NOTHING), before.get(attainment_id, NOTHING)
            if new != old:
                difference = Amount(new.value - old.value, new.deals - old.deals)
                found.append(Entry(attainment_id, posting, difference))
        ledger[posting.fact_id] = wanted
    return found


def by_place(found: Iterable[Entry]) -> Mapping[Place, Sequence[Entry]]:
    """Return the entries by the running total that they move, each total's in order."""
    moving: defaultdict[Place, list[Entry]] = defaultdict(list)
    for entry in found:
        moving[Place(entry.attainment_id, entry.posting.partition)].append(entry)
    return moving


def total(found: Sequence[Entry]) -> Amount:
    """Return what the entries add up to."""
    value = sum((entry.amount.value for entry in found), Decimal(0))
    return Amount(value, sum(entry.amount.deals for entry in found))


def keys(postings: Iterable[Posting]) -> Mapping[UUID, Key]:
    """Return by their ids the keys of all attainments that the postings name."""
    return {
        attainment_id: figure.key
        for posting in postings
        for attainment_id, figure in posting.figures.items()
    }
