"""How products are imported."""

from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from services.pipeline.products import commands
from services.pipeline.products.commands import ProductDraft
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Connection
from shared.fields import Body, Code, CurrencyCode, DecimalText, MoneyField, Name
from shared.jobs.importer import Applied, Column, Importer, Result


class ProductRow(Body):
    """A row of a file of products."""

    code: Code
    name: Name
    line: Name | None = None
    list_price: DecimalText | None = None
    currency: CurrencyCode = "CNY"

    @model_validator(mode="after")
    def _price_fits_currency(self) -> Self:
        self.draft()
        return self

    def draft(self) -> ProductDraft:
        """Return the product as the domain knows it."""
        price = self.list_price
        if price is None:
            return ProductDraft(self.code, self.name, self.line, None)
        money = MoneyField(amount=price, currency=self.currency).money()
        return ProductDraft(self.code, self.name, self.line, money)


async def _apply(
    conn: Connection, ctx: Context, _: Principal, rows: Sequence[ProductRow]
) -> Sequence[Result]:
    put = await commands.put_many_in(conn, ctx, [row.draft() for row in rows])
    return [Applied.of(product.id, product.version, before) for product, before in put]


IMPORTER = Importer(
    noun="products",
    permission="products:write",
    row=ProductRow,
    columns=(
        Column("code", headings=("产品 ID", "产品编号", "sku")),
        Column("name", headings=("产品名称", "产品", "product")),
        Column("line", headings=("产品线", "类别", "series")),
        Column("list_price", "decimal", ("list_price.amount", "目录价", "标价", "sales_price")),
        Column("currency", headings=("list_price.currency", "币种")),
    ),
    key=lambda row: row.code,
    apply_many=_apply,
)
