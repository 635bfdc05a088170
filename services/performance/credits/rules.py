"""Which credits a deal gives, and what must be posted when it changes."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.performance.credits.model import Amounts, CreditKey, Entry
from shared.contracts.pipeline import DealFact, DealStage
from shared.contracts.targets import Metric
from shared.ids import derived_id
from shared.ratio import EXACT

NOTHING = Amounts(Decimal(0), Decimal(0))


def credits_of(fact: DealFact | None) -> Mapping[CreditKey, Amounts]:
    """Return what a deal counts for: nothing unless won, else each share for its member.

    Quota credit and commission credit are equal as long as no plan gives them factors.
    """
    if fact is None or fact.stage is not DealStage.WON or fact.closed_on is None:
        return {}
    found: dict[CreditKey, Amounts] = {}
    for share in fact.shares:
        payee_id, day, money = share.member_id, fact.closed_on, share.amount
        _count(found, CreditKey(payee_id, day, Metric.REVENUE, money.currency), money.amount)
        _count(found, CreditKey(payee_id, day, Metric.UNITS, ""), share.quantity)
    return found


def _count(found: dict[CreditKey, Amounts], key: CreditKey, amount: Decimal) -> None:
    if amount:
        before = found.get(key, NOTHING)
        found[key] = Amounts(EXACT.add(before.quota, amount), EXACT.add(before.commission, amount))


def entries(
    before: DealFact | None,
    after: DealFact,
    *,
    cause_id: UUID,
    source: str,
    partition: int,
    number: int,
    now: datetime,
) -> Iterator[Entry]:
    """Yield what must be posted so that the ledger says the new version and no longer the old.

    A credit that moves to another day, payee or currency is taken back where it was.
    """
    posted, wanted = credits_of(before), credits_of(after)
    for key in sorted(posted.keys() | wanted.keys()):
        new, old = wanted.get(key, NOTHING), posted.get(key, NOTHING)
        if new == old:
            continue
        yield Entry(
            id=derived_id("credit", cause_id, *key),
            key=key,
            amounts=Amounts(
                EXACT.subtract(new.quota, old.quota),
                EXACT.subtract(new.commission, old.commission),
            ),
            fact_id=after.deal_id,
            fact_version=after.version,
            cause_id=cause_id,
            source=source,
            partition=partition,
            number=number,
            posted_at=now,
        )
