"""What a deal may do: pure functions from one version to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from services.pipeline.deals.model import (
    Changes,
    Deal,
    Draft,
    Kept,
    Line,
    Record,
    RecordDraft,
    Share,
    Terms,
    Transition,
)
from shared.contracts.contract import MoneyValue
from shared.contracts.pipeline import (
    DealEdited,
    DealFact,
    DealLine,
    DealLost,
    DealOpened,
    DealReopened,
    DealShare,
    DealStage,
    DealWon,
)
from shared.errors import Invalid, Refused
from shared.money import Money, apportioned

ONE = Decimal(1)
QUANTITY_DIGITS = 6
LARGEST = Decimal(10) ** 15
CLOSED = (DealStage.WON, DealStage.LOST)
STEPS: Mapping[str, Sequence[str]] = MappingProxyType(
    {DealStage.OPEN: CLOSED, **dict.fromkeys(CLOSED, (DealStage.OPEN,))}
)
"""Which stages a deal may go to from where it stands."""


class DealAlreadyClosed(Refused):
    """A closed deal must be reopened before it can be closed again."""

    en = "Deal {deal_id} is already {stage}. Reopen it first."
    zh = "商机 {deal_id} 已是 {stage} 状态，请先重新打开。"


class DealIsOpen(Refused):
    """Only a closed deal can be reopened."""

    en = "Deal {deal_id} is open; there is nothing to reopen."
    zh = "商机 {deal_id} 处于打开状态，无需重新打开。"


class ClosedBeforeOpened(Invalid):
    """A deal cannot end before it began."""

    en = "The deal was opened on {opened_on}; give that day or a later one."
    zh = "该商机于 {opened_on} 打开，请填写当日或之后的日期。"


class ClosingDateMissing(Invalid):
    """Winning and losing happen on a day."""

    en = "Say on which day the deal was closed."
    zh = "请填写商机关闭的日期。"


class ClosingDateOnOpenDeal(Invalid):
    """An open deal has no closing day."""

    en = "An open deal has no closing date; leave it out."
    zh = "打开状态的商机没有关闭日期，请勿填写。"


class AmountMissing(Invalid):
    """A deal is worth something."""

    en = "Give an amount, lines, or both."
    zh = "请填写金额或明细，或两者都填写。"


class SharesNotWhole(Invalid):
    """The shares of a deal are the whole deal."""

    en = "The shares sum to {total}; they must sum to 1."
    zh = "拆分比例合计为 {total}，必须等于 1。"


class MemberTwice(Invalid):
    """A member has one share in a deal."""

    en = "Member {member_id} has two shares; give one."
    zh = "成员 {member_id} 有两份拆分比例，请合并为一份。"


class LinesDiffer(Invalid):
    """The amount of a deal with lines is the sum of its lines."""

    en = "The lines sum to {total}; give that amount or leave it out."
    zh = "明细合计为 {total}，请填写该金额或不填。"


class DealTooLarge(Invalid):
    """More than any deal can be worth; such figures are slips of the keyboard."""

    en = "The lines sum to {total}; a deal is below 1,000,000,000,000,000 in amount and quantity."
    zh = "明细合计为 {total}；单笔商机的金额和数量须小于 1,000,000,000,000,000。"


class MixedCurrencies(Invalid):
    """A deal is in one currency."""

    en = "The deal is in {currency}; give this line in it."
    zh = "该商机的币种为 {currency}，请使用同一币种填写明细。"


def checked(terms: Terms) -> Terms:
    """Return the terms if they hold together; refuses them with a pointer into the deal."""
    for ordinal, line in enumerate(terms.lines):
        if line.amount.currency != terms.amount.currency:
            pointer = f"/lines/{ordinal}/amount/currency"
            raise MixedCurrencies(currency=terms.amount.currency, pointer=pointer)
    if terms.lines:
        total = sum((line.amount.amount for line in terms.lines), Decimal(0))
        quantity = sum((line.quantity for line in terms.lines), Decimal(0))
        if max(abs(total), quantity) >= LARGEST:
            raise DealTooLarge(total=max(abs(total), quantity), pointer="/lines")
        if total != terms.amount.amount:
            raise LinesDiffer(total=total, pointer="/amount")
    members: set[UUID] = set()
    for ordinal, share in enumerate(terms.shares):
        if share.member_id in members:
            pointer = f"/shares/{ordinal}/member_id"
            raise MemberTwice(member_id=share.member_id, pointer=pointer)
        members.add(share.member_id)
    whole = sum((share.share for share in terms.shares), Decimal(0))
    if whole != ONE:
        raise SharesNotWhole(total=whole, pointer="/shares")
    return terms


def opened(deal_id: UUID, terms: Terms) -> Deal:
    """Return a new deal, open, at its first version."""
    return Deal(deal_id, 1, None, checked(terms), DealStage.OPEN, None)


def edited(deal: Deal, terms: Terms) -> Deal:
    """Return the deal with other terms; a closed deal stays closed and its figures follow."""
    if checked(terms) == deal.terms:
        return deal
    _check_dates(terms, deal.stage, deal.closed_on)
    return replace(deal, version=deal.version + 1, terms=terms)


def moved(deal: Deal, transition: Transition) -> Deal:
    """Return the deal in another stage; refuses a step that its stage does not have."""
    if transition.to is DealStage.OPEN:
        if deal.stage is DealStage.OPEN:
            raise DealIsOpen(deal_id=deal.id, pointer="/to")
    elif deal.stage is not DealStage.OPEN:
        raise DealAlreadyClosed(deal_id=deal.id, stage=deal.stage.value, pointer="/to")
    _check_dates(deal.terms, transition.to, transition.on, pointer="/on")
    return replace(deal, version=deal.version + 1, stage=transition.to, closed_on=transition.on)


def recorded(known: Deal | None, record: Record, deal_id: UUID) -> Deal:
    """Return the deal as another system knows it; the known version where nothing differs."""
    terms = checked(record.terms)
    _check_dates(terms, record.stage, record.closed_on)
    if known is None:
        return Deal(deal_id, 1, record.external, terms, record.stage, record.closed_on)
    same = (known.terms, known.stage, known.closed_on) == (terms, record.stage, record.closed_on)
    if same:
        return known
    return replace(
        known,
        version=known.version + 1,
        terms=terms,
        stage=record.stage,
        closed_on=record.closed_on,
    )


def _check_dates(
    terms: Terms, stage: DealStage, closed_on: date | None, pointer: str = "/closed_on"
) -> None:
    if stage is DealStage.OPEN:
        if closed_on is not None:
            raise ClosingDateOnOpenDeal(pointer=pointer)
    elif closed_on is None:
        raise ClosingDateMissing(pointer=pointer)
    elif closed_on < terms.opened_on:
        raise ClosedBeforeOpened(opened_on=terms.opened_on, pointer=pointer)


def told(before: Deal | None, after: Deal) -> DealFact:
    """Return the event that tells of a new version: the whole fact, named by what happened."""
    terms = after.terms
    quantity = sum((line.quantity for line in terms.lines), Decimal(0))
    return _kind(before, after)(
        version=after.version,
        deal_id=after.id,
        name=terms.name,
        stage=after.stage,
        owner_id=terms.owner_id,
        account_id=terms.account_id,
        amount=MoneyValue.of(terms.amount),
        quantity=quantity,
        shares=_parts(terms, quantity),
        lines=tuple(
            DealLine(
                product_id=line.product_id,
                quantity=line.quantity,
                amount=MoneyValue.of(line.amount),
            )
            for line in terms.lines
        ),
        opened_on=terms.opened_on,
        closed_on=after.closed_on,
    )


def _parts(terms: Terms, quantity: Decimal) -> tuple[DealShare, ...]:
    """Return the shares with what each has of the amount and of the quantity, to the last digit."""
    weights = [share.share for share in terms.shares]
    amounts = terms.amount.split(weights)
    quantities = apportioned(quantity, weights, QUANTITY_DIGITS)
    return tuple(
        DealShare(
            member_id=share.member_id,
            share=share.share,
            amount=MoneyValue.of(amount),
            quantity=units,
        )
        for share, amount, units in zip(terms.shares, amounts, quantities, strict=True)
    )


def _kind(before: Deal | None, after: Deal) -> type[DealFact]:
    if before is not None and before.stage is after.stage:
        return DealEdited
    if after.stage is DealStage.OPEN:
        return DealOpened if before is None else DealReopened
    return DealWon if after.stage is DealStage.WON else DealLost


def agreed(draft: Draft) -> Terms:
    """Return the terms that a draft means; raises AmountMissing."""
    return Terms(
        name=draft.name,
        owner_id=draft.owner_id,
        account_id=draft.account_id,
        amount=_total(draft.lines) if draft.amount is None else draft.amount,
        lines=draft.lines,
        shares=_all_of(draft.owner_id) if draft.shares is None else draft.shares,
        opened_on=draft.opened_on,
    )


def agreed_record(sent: RecordDraft) -> Record:
    """Return the record that another system's draft means; raises AmountMissing."""
    return Record(sent.external, agreed(sent.draft), sent.stage, sent.closed_on)


def changed(terms: Terms, changes: Changes) -> Terms:
    """Return the terms with the changes in them.

    New lines bring their sum as the amount. A new owner takes over the whole deal unless it is
    split; then the shares stay.
    """
    owner = changes.owner_id or terms.owner_id
    lines = terms.lines if changes.lines is None else changes.lines
    amount = terms.amount if changes.amount is None else changes.amount  # 0 is an amount
    if changes.amount is None and changes.lines:
        amount = _total(lines)
    shares = terms.shares if changes.shares is None else changes.shares
    if changes.shares is None and owner != terms.owner_id and len(shares) == 1:
        shares = _all_of(owner)
    return Terms(
        name=changes.name or terms.name,
        owner_id=owner,
        account_id=terms.account_id if changes.account_id is Kept.AS_IS else changes.account_id,
        amount=amount,
        lines=lines,
        shares=shares,
        opened_on=changes.opened_on or terms.opened_on,
    )


def _all_of(owner_id: UUID) -> tuple[Share, ...]:
    return (Share(owner_id, ONE),)


def _total(lines: tuple[Line, ...]) -> Money:
    if not lines:
        raise AmountMissing(pointer="/amount")
    # Lines of other currencies than the first are refused by `checked`, each by its pointer.
    currency = lines[0].amount.currency
    same = (line.amount.amount for line in lines if line.amount.currency == currency)
    return Money(sum(same, Decimal(0)), currency)
