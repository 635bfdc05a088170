"""How deals are imported: one row is a whole deal, as another system knows it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, Json, model_validator

from services.pipeline.accounts import queries as accounts
from services.pipeline.deals import commands
from services.pipeline.deals.model import Draft, Line, RecordDraft
from services.pipeline.deals.model import Share as Part
from shared.auth.principal import Principal
from shared.context import Context
from shared.contracts.pipeline import DealStage
from shared.db import Connection
from shared.errors import Invalid, PharosError
from shared.fields import (
    Body,
    BusinessDate,
    Code,
    CurrencyCode,
    DecimalText,
    Id,
    MoneyField,
    MoneyView,
    Name,
    Quantity,
    Share,
)
from shared.ids import External
from shared.jobs import members
from shared.jobs.importer import Applied, Column, Importer, Refusal, Result

LINES_MAX = 200
SHARES_MAX = 50


class AccountNotKnown(Invalid):
    """The account of a row is not there."""

    en = "There is no account {external_id} of {source}. Import the accounts first."
    zh = "不存在来源 {source} 的客户 {external_id}，请先导入客户。"


class LineCell(Body):
    """One product on a deal, as it is exported."""

    product_id: Id
    quantity: Quantity
    amount: MoneyField


class ShareCell(Body):
    """A member's part of a deal, as it is exported; what it amounts to follows from the deal."""

    member_id: Id
    share: Share
    amount: MoneyView | None = None


class DealRow(Body):
    """A row of a file of deals. Without `lines` it has none, without `shares` it is the owner's."""

    source: Code
    external_id: Code
    name: Name
    owner_id: Id | None = None
    owner_source: Code | None = None
    owner_external_id: Code | None = None
    account_id: Id | None = None
    account_source: Code | None = None
    account_external_id: Code | None = None
    amount: DecimalText
    currency: CurrencyCode = "CNY"
    stage: DealStage = DealStage.OPEN
    opened_on: BusinessDate
    closed_on: BusinessDate | None = None
    lines: Json[Annotated[list[LineCell], Field(max_length=LINES_MAX)]] | None = None
    shares: Json[Annotated[list[ShareCell], Field(max_length=SHARES_MAX)]] | None = None

    @model_validator(mode="after")
    def _amount_fits_currency(self) -> Self:
        MoneyField(amount=self.amount, currency=self.currency)
        return self

    @model_validator(mode="after")
    def _names_an_owner(self) -> Self:
        _ = self.owner
        return self

    @property
    def owner(self) -> members.Named:
        """Return the member who owns the deal."""
        source = self.owner_source or self.source
        return members.surely_named(self.owner_id, source, self.owner_external_id)

    @property
    def account(self) -> External | None:
        """Return the external id of the account."""
        if self.account_external_id is None:
            return None
        return External(self.account_source or self.source, self.account_external_id)

    @property
    def mentions(self) -> members.Mentions:
        """Return whom the row names."""
        shares = {f"/shares/{n}": share.member_id for n, share in enumerate(self.shares or ())}
        return {"/owner_id": self.owner, **shares}

    def record(self, owner_id: UUID, account_id: UUID | None) -> RecordDraft:
        """Return the deal as the domain knows it."""
        draft = Draft(
            name=self.name,
            owner_id=owner_id,
            account_id=account_id,
            amount=MoneyField(amount=self.amount, currency=self.currency).money(),
            lines=tuple(
                Line(line.product_id, line.quantity, line.amount.money())
                for line in self.lines or ()
            ),
            shares=tuple(Part(one.member_id, one.share) for one in self.shares)
            if self.shares
            else None,
            opened_on=self.opened_on,
        )
        closed_on: date | None = self.closed_on
        return RecordDraft(External(self.source, self.external_id), draft, self.stage, closed_on)


async def _apply(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[DealRow]
) -> Sequence[Result]:
    named = {row.account for row in rows if row.account is not None}
    known = await accounts.ids_of(conn, list(named)) if named else {}
    people = await members.find(conn, [row.mentions for row in rows])
    wished = [people.refusal(row.mentions) or _record(row, known, people) for row in rows]
    drafts = [wish for wish in wished if isinstance(wish, RecordDraft)]
    recorded = iter(await commands.record_each_in(conn, ctx, drafts))
    return [wish if isinstance(wish, Refusal) else _result(next(recorded)) for wish in wished]


def _record(
    row: DealRow, known: Mapping[External, UUID], people: members.Found
) -> RecordDraft | Refusal:
    account = row.account
    if account is None or account in known:
        account_id = row.account_id if account is None else known[account]
        return row.record(people.ids[row.owner], account_id)
    error = AccountNotKnown(
        external_id=account.id, source=account.source, pointer="/account_external_id"
    )
    return Refusal(error, waits=True)


def _result(outcome: commands.Outcome | PharosError) -> Result:
    if isinstance(outcome, PharosError):
        return Refusal(outcome)
    return Applied.of(outcome.deal.id, outcome.deal.version, outcome.before)


IMPORTER = Importer(
    noun="deals",
    permission="deals:write",
    row=DealRow,
    columns=(
        Column("source", headings=("external.source", "来源系统")),
        Column("external_id", headings=("external.id", "商机编号", "订单 ID", "opportunity_id")),
        Column("name", headings=("商机名称", "商机")),
        Column("owner_id", headings=("负责人编号",)),
        Column("owner_source"),
        Column("owner_external_id", headings=("负责人工号", "销售工号")),
        Column("account_id"),
        Column("account_source"),
        Column("account_external_id", headings=("客户 ID", "客户编号")),
        Column("amount", "decimal", ("amount.amount", "金额", "销售额", "close_value")),
        Column("currency", headings=("amount.currency", "币种")),
        Column("stage", headings=("阶段", "deal_stage")),
        Column("opened_on", "date", ("创建日期", "订单日期", "engage_date")),
        Column("closed_on", "date", ("关闭日期", "成交日期", "close_date")),
        Column("lines"),
        Column("shares"),
    ),
    key=lambda row: f"{row.source}\x1f{row.external_id}",
    apply_many=_apply,
    copy=members.COPY,
)
