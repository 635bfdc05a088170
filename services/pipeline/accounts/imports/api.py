"""How accounts are imported."""

from collections.abc import Sequence

from services.pipeline.accounts import commands
from services.pipeline.accounts.commands import AccountDraft
from services.pipeline.accounts.model import Account, Draft, Kept
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Connection
from shared.fields import Body, Code, Id, Name
from shared.ids import External
from shared.jobs import members
from shared.jobs.importer import Applied, Column, Importer, Refusal, Result


class AccountRow(Body):
    """A row of a file of accounts."""

    source: Code
    external_id: Code
    name: Name
    owner_id: Id | None = None
    owner_source: Code | None = None
    owner_external_id: Code | None = None

    @property
    def mentions(self) -> members.Mentions:
        """Return whom the row names."""
        return {"/owner_id": self.owner}

    @property
    def owner(self) -> members.Named | None:
        """Return the member whose account it is, None where the row does not say."""
        source = self.owner_source or self.source
        return members.named(self.owner_id, source, self.owner_external_id)

    def draft(self, known: members.Found) -> AccountDraft:
        """Return the account as the domain knows it; a row without an owner leaves it as it is."""
        owner_id = Kept.AS_IS if self.owner is None else known.ids[self.owner]
        return AccountDraft(External(self.source, self.external_id), Draft(self.name, owner_id))


async def _apply(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[AccountRow]
) -> Sequence[Result]:
    known = await members.find(conn, [row.mentions for row in rows])
    wished = [known.refusal(row.mentions) or row.draft(known) for row in rows]
    drafts = [wish for wish in wished if isinstance(wish, AccountDraft)]
    put = iter(await commands.put_many_in(conn, ctx, drafts))
    return [wish if isinstance(wish, Refusal) else _result(*next(put)) for wish in wished]


def _result(account: Account, before: int | None) -> Result:
    return Applied.of(account.id, account.version, before)


IMPORTER = Importer(
    noun="accounts",
    permission="accounts:write",
    row=AccountRow,
    columns=(
        Column("source", headings=("external.source", "来源系统")),
        Column("external_id", headings=("external.id", "客户 ID", "客户编号", "账户编号")),
        Column("owner_id", headings=("负责人编号",)),
        Column("owner_source"),
        Column("owner_external_id", headings=("负责人工号",)),
        Column("name", headings=("客户名称", "客户", "account")),
    ),
    key=lambda row: f"{row.source}\x1f{row.external_id}",
    apply_many=_apply,
    copy=members.COPY,
)
