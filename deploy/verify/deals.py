"""Deals as facts: what a version of one says, and whether it holds together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.verify.arithmetic import apportioned, minor_digits
from deploy.verify.findings import Report

QUANTITY_DIGITS = 6
_CLOSED_BY = {
    "deal.won": "won",
    "deal.lost": "lost",
    "deal.opened": "open",
    "deal.reopened": "open",
}


class Unreadable(Exception):
    """Something that is stored as a deal is none."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a member has of a deal."""

    member_id: UUID
    share: Decimal
    amount: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """What a deal has of a product."""

    product_id: UUID
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal at one version."""

    id: UUID
    version: int
    name: str
    stage: str
    owner_id: UUID
    account_id: UUID | None
    amount: Decimal
    currency: str
    quantity: Decimal
    parts: tuple[Part, ...]
    lines: tuple[Line, ...]
    opened_on: date
    closed_on: date | None

    @property
    def won_on(self) -> date | None:
        """Return the day from which it counts, None while it does not."""
        return self.closed_on if self.stage == "won" else None


def deal_of(text: str) -> Deal:
    """Return what the payload of an event, or the body of a fact, says; raises Unreadable."""
    try:
        return _deal(json.loads(text))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise Unreadable(repr(error)) from error


def _deal(said: dict[str, Any]) -> Deal:
    currency = said["amount"]["currency"]
    monies = [part["amount"] for part in (*said["shares"], *said["lines"])]
    if any(money["currency"] != currency for money in monies):
        raise ValueError(f"not all of it is in {currency}")
    return Deal(
        id=UUID(said["deal_id"]),
        version=int(said["version"]),
        name=said["name"],
        stage=said["stage"],
        owner_id=UUID(said["owner_id"]),
        account_id=None if said["account_id"] is None else UUID(said["account_id"]),
        amount=Decimal(said["amount"]["amount"]),
        currency=currency,
        quantity=Decimal(said["quantity"]),
        parts=tuple(
            Part(
                UUID(part["member_id"]),
                Decimal(part["share"]),
                Decimal(part["amount"]["amount"]),
                Decimal(part["quantity"]),
            )
            for part in said["shares"]
        ),
        lines=tuple(
            Line(
                UUID(line["product_id"]),
                Decimal(line["quantity"]),
                Decimal(line["amount"]["amount"]),
            )
            for line in said["lines"]
        ),
        opened_on=date.fromisoformat(said["opened_on"]),
        closed_on=None if said["closed_on"] is None else date.fromisoformat(said["closed_on"]),
    )


def check_deal(report: Report, where: str, deal: Deal, name: str) -> None:
    """Check that a version of a deal is whole; ``name`` is what is said to have happened."""
    shares = [part.share for part in deal.parts]
    total = sum(shares, Decimal(0))
    report.equal("deal.shares", where, total, Decimal(1))
    members = [part.member_id for part in deal.parts]
    report.equal("deal.members", where, len(set(members)), len(members))
    if total and min(shares) >= 0:
        _check_split(report, where, deal, shares)
    if deal.lines:
        lines = sum((line.amount for line in deal.lines), Decimal(0))
        report.equal("deal.lines", where, lines, deal.amount)
    quantity = sum((line.quantity for line in deal.lines), Decimal(0))
    report.equal("deal.quantity", where, deal.quantity, quantity)
    is_closed = deal.stage in {"won", "lost"}
    report.equal("deal.closed_on", where, deal.closed_on is not None, is_closed)
    report.equal("deal.stage", where, deal.stage, _CLOSED_BY.get(name, deal.stage))


def _check_split(report: Report, where: str, deal: Deal, shares: Sequence[Decimal]) -> None:
    amounts = [part.amount for part in deal.parts]
    report.equal("deal.split_sum", where, sum(amounts, Decimal(0)), deal.amount)
    due = apportioned(deal.amount, shares, minor_digits(deal.currency))
    report.equal("deal.split", where, amounts, due)
    quantities = [part.quantity for part in deal.parts]
    due = apportioned(deal.quantity, shares, QUANTITY_DIGITS)
    report.equal("deal.split_quantity", where, quantities, due)
