"""What the pipeline service tells: accounts, products and deals."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from shared.contracts.contract import Concerned, Contract, Exact, MoneyValue, Part, published


class DealStage(StrEnum):
    """Where a deal stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class DealShare(Part):
    """A member's part of a deal; shares sum to one, amounts and quantities to the deal's."""

    member_id: UUID
    share: Exact
    amount: MoneyValue
    quantity: Exact


class DealLine(Part):
    """One product on a deal; the amounts of the lines sum to the deal's."""

    product_id: UUID
    quantity: Exact
    amount: MoneyValue


class DealFact(Contract):
    """A deal at one version, whole: a later version replaces it, whatever the order of arrival."""

    deal_id: UUID
    name: str
    stage: DealStage
    owner_id: UUID
    account_id: UUID | None
    amount: MoneyValue
    quantity: Exact
    shares: tuple[DealShare, ...]
    lines: tuple[DealLine, ...]
    opened_on: date
    closed_on: date | None

    def concerns(self) -> Concerned:
        """Return the owner, and whoever has a share."""
        return Concerned(frozenset({self.owner_id, *(share.member_id for share in self.shares)}))


@published("pharos.pipeline.deal.opened.v1", read="deals:read", subject="deal_id")
class DealOpened(DealFact):
    """A deal entered the pipeline."""


@published("pharos.pipeline.deal.edited.v1", read="deals:read", subject="deal_id")
class DealEdited(DealFact):
    """A deal's owner, shares, lines, amount, account or dates changed; its stage did not."""


@published("pharos.pipeline.deal.won.v1", read="deals:read", subject="deal_id")
class DealWon(DealFact):
    """A deal was won on ``closed_on``."""


@published("pharos.pipeline.deal.lost.v1", read="deals:read", subject="deal_id")
class DealLost(DealFact):
    """A deal was lost on ``closed_on``."""


@published("pharos.pipeline.deal.reopened.v1", read="deals:read", subject="deal_id")
class DealReopened(DealFact):
    """A closed deal is open again; what its closing posted is taken back."""


DEAL_EVENTS = frozenset(
    contract.TYPE for contract in (DealOpened, DealEdited, DealWon, DealLost, DealReopened)
)
"""Every event that carries a deal fact: what a reader of deals subscribes to."""


def undone(deal: DealFact) -> DealFact:
    """Return the deal as if it had never been closed: it counts for nothing."""
    return deal.model_copy(update={"stage": DealStage.OPEN, "closed_on": None})


@published("pharos.pipeline.product.saved.v1", read="products:read", subject="product_id")
class ProductSaved(Contract):
    """A product at one version, whole."""

    product_id: UUID
    code: str
    name: str
    line: str | None
    list_price: MoneyValue | None


@published("pharos.pipeline.account.saved.v1", read="accounts:read", subject="account_id")
class AccountSaved(Contract):
    """An account at one version, whole."""

    account_id: UUID
    name: str
    owner_id: UUID | None = None

    def concerns(self) -> Concerned:
        """Return the owner, where there is one."""
        return Concerned(frozenset() if self.owner_id is None else frozenset({self.owner_id}))
