"""What a deal counts for, and what must be posted so that the ledger says it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from services.targets.attainment.model import NOTHING, Amount, Entry, Figures, Key, Posting
from services.targets.org.model import Organisation
from shared.contracts.pipeline import DealFact, DealStage
from shared.contracts.targets import Metric, ScopeKind
from shared.period import FiscalCalendar

Posted = dict[UUID, Amount]


def figures(fact: DealFact, organisation: Organisation, calendar: FiscalCalendar) -> Figures:
    """Return what a deal counts for: nothing unless won, else by the quarter of its closing.

    A share counts for its member and for every unit above the member on that day. A deal counts
    once for a unit, however many of its members share it.
    """
    if fact.stage is not DealStage.WON or fact.closed_on is None:
        return {}
    period = calendar.quarter(fact.closed_on)
    found: dict[Key, Amount] = {}
    for share in fact.shares:
        scopes = [(ScopeKind.MEMBER, share.member_id)]
        path = organisation.path(share.member_id, fact.closed_on)
        scopes += [(ScopeKind.UNIT, unit_id) for unit_id in path]
        units = fact.quantity * share.share
        money = share.amount
        for scope, scope_id in scopes:
            _count(
                found, Key(scope, scope_id, Metric.REVENUE, period, money.currency), money.amount
            )
            if units:
                _count(found, Key(scope, scope_id, Metric.UNITS, period, ""), units)
    return found


def _count(found: dict[Key, Amount], key: Key, value: Decimal) -> None:
    before = found.get(key)
    found[key] = Amount(value, 1) if before is None else before.plus(value, 0)


def entries(
    postings: Sequence[Posting], posted: Mapping[UUID, Posted]
) -> tuple[list[Entry], dict[UUID, Key]]:
    """Return the differences that make the ledger say what the postings say, one by one in order.

    ``posted`` is what the ledger says of each fact before the first of them. Also returns the keys
    of all attainments that are named.
    """
    ledger: dict[UUID, Posted] = {fact: dict(amounts) for fact, amounts in posted.items()}
    keys: dict[UUID, Key] = {}
    found: list[Entry] = []
    for posting in postings:
        wanted = {key.id: amount for key, amount in posting.figures.items()}
        keys.update((key.id, key) for key in posting.figures)
        before = ledger.get(posting.fact_id, {})
        for attainment_id in wanted | before:
            value, deals = wanted.get(attainment_id, NOTHING)
            old_value, old_deals = before.get(attainment_id, NOTHING)
            if value != old_value or deals != old_deals:
                found.append(
                    Entry(
                        attainment_id,
                        posting.cause_id,
                        posting.fact_id,
                        posting.fact_version,
                        value - old_value,
                        deals - old_deals,
                        posting.source,
                        posting.partition,
                        posting.number,
                    )
                )
        ledger[posting.fact_id] = wanted
    return found, keys


def sums(found: Sequence[Entry]) -> dict[tuple[UUID, int], Amount]:
    """Return what the entries add up to, per attainment and partition."""
    totals: dict[tuple[UUID, int], Amount] = {}
    for entry in found:
        place = (entry.attainment_id, entry.partition)
        totals[place] = totals.get(place, NOTHING).plus(entry.amount, entry.deals)
    return totals
