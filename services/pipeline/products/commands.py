"""What can be asked of products."""

from dataclasses import replace

from services.pipeline.products import store
from services.pipeline.products.model import Product
from shared.audit.model import Change
from shared.context import Context
from shared.contracts.contract import MoneyValue
from shared.contracts.pipeline import ProductSaved
from shared.db import Connection
from shared.events import outbox
from shared.ids import new_id
from shared.money import Money


async def put_product(
    conn: Connection,
    ctx: Context,
    *,
    code: str,
    name: str,
    line: str | None,
    list_price: Money | None,
) -> Product:
    """Make the product of a code or bring it up to date; without a change nothing is written."""
    known = await store.lock(conn, code)
    if known is None:
        product = Product(new_id(), 1, code, name, line, list_price)
    else:
        product = replace(known, name=name, line=line, list_price=list_price)
        if product == known:
            return known
        product = replace(product, version=known.version + 1)
    told = Change.told(known, product, _saved(product))
    await store.save(conn, product, outbox.changes(ctx, [told]))
    return product


def _saved(product: Product) -> ProductSaved:
    price = product.list_price
    return ProductSaved(
        version=product.version,
        product_id=product.id,
        code=product.code,
        name=product.name,
        line=product.line,
        list_price=None if price is None else MoneyValue.of(price),
    )
