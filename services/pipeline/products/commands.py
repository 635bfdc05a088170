"""What can be asked of products. The form for many is the way; the single one calls it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """A product as it should be."""

    code: str
    name: str
    line: str | None
    list_price: Money | None


async def put_product(conn: Connection, ctx: Context, *, draft: ProductDraft) -> Product:
    """Make the product of a code or bring it up to date; without a change nothing is written."""
    return (await put_many_in(conn, ctx, [draft]))[0][0]


async def put_many_in(
    conn: Connection, ctx: Context, drafts: Sequence[ProductDraft]
) -> Sequence[tuple[Product, int | None]]:
    """Make products or bring them up to date; what is the same stays. Each is named once.

    Returns each as it is now, with the version that was known before, if any.
    """
    known = await store.lock_many(conn, [draft.code for draft in drafts])
    changes = [(known.get(draft.code), _put(known.get(draft.code), draft)) for draft in drafts]
    for before, _ in changes:
        ctx.check(0 if before is None else before.version)
    made = [(before, after) for before, after in changes if before is not after]
    if made:
        told = [Change.told(before, after, _saved(after)) for before, after in made]
        await store.save_many(conn, [after for _, after in made], outbox.changes(ctx, told))
    return [(after, None if before is None else before.version) for before, after in changes]


def _put(before: Product | None, draft: ProductDraft) -> Product:
    if before is None:
        return Product(new_id(), 1, draft.code, draft.name, draft.line, draft.list_price)
    after = replace(before, name=draft.name, line=draft.line, list_price=draft.list_price)
    return before if after == before else replace(after, version=before.version + 1)


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
