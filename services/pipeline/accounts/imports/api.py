"""How accounts are imported."""

from collections.abc import Sequence

from services.pipeline.accounts import commands
from services.pipeline.accounts.commands import AccountDraft
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Connection
from shared.fields import Body, Code, Name
from shared.ids import External
from shared.jobs.importer import Applied, Column, Importer, Result


class AccountRow(Body):
    """A row of a file of accounts."""

    source: Code
    external_id: Code
    name: Name


async def _apply(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[AccountRow]
) -> Sequence[Result]:
    drafts = [AccountDraft(External(row.source, row.external_id), row.name) for row in rows]
    put = await commands.put_many_in(conn, ctx, drafts)
    return [Applied.of(account.id, account.version, before) for account, before in put]


IMPORTER = Importer(
    noun="accounts",
    permission="accounts:write",
    row=AccountRow,
    columns=(
        Column("source", headings=("external.source", "来源系统")),
        Column("external_id", headings=("external.id", "客户 ID", "客户编号", "账户编号")),
        Column("name", headings=("客户名称", "客户", "account")),
    ),
    key=lambda row: f"{row.source}\x1f{row.external_id}",
    apply_many=_apply,
)
