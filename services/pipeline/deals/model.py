"""What a deal is."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

from shared.contracts.pipeline import DealStage
from shared.ids import External
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Line:
    """One product on a deal."""

    product_id: UUID
    quantity: Decimal
    amount: Money


@dataclass(frozen=True, slots=True)
class Share:
    """A member's part of a deal, as a share of one."""

    member_id: UUID
    share: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed or hoped for: all of a deal that may be edited.

    With lines the amount is their sum. The shares sum to one; odd cents go out in their order.
    """

    name: str
    owner_id: UUID
    account_id: UUID | None
    amount: Money
    lines: tuple[Line, ...]
    shares: tuple[Share, ...]
    opened_on: date


@dataclass(frozen=True, slots=True)
class Draft:
    """Terms as they are sent.

    Without an amount it is the sum of the lines; without shares the owner has all of the deal.
    """

    name: str
    owner_id: UUID
    account_id: UUID | None
    amount: Money | None
    lines: tuple[Line, ...]
    shares: tuple[Share, ...] | None
    opened_on: date


class Kept(Enum):
    """Says that something stays as it is where None would take it away."""

    AS_IS = "as_is"


@dataclass(frozen=True, slots=True)
class Changes:
    """What should change of the terms; what is None stays. An account can be taken away."""

    name: str | None = None
    owner_id: UUID | None = None
    account_id: UUID | Kept | None = Kept.AS_IS
    amount: Money | None = None
    lines: tuple[Line, ...] | None = None
    shares: tuple[Share, ...] | None = None
    opened_on: date | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal at one version; every change makes the next version of the whole."""

    id: UUID
    version: int
    external: External | None
    terms: Terms
    stage: DealStage
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class Transition:
    """A wish to move a deal to a stage on a day."""

    deal_id: UUID
    to: DealStage
    on: date | None


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A deal as another system sends it."""

    external: External
    draft: Draft
    stage: DealStage
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class Record:
    """A deal as another system knows it, whole: the wish that ours be the same."""

    external: External
    terms: Terms
    stage: DealStage
    closed_on: date | None
