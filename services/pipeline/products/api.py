"""Routes of products."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Request
from fastapi.responses import Response

from services.pipeline.products import commands, queries
from services.pipeline.products.commands import ProductDraft
from services.pipeline.products.model import Product
from shared.fields import Body, Code, MoneyField, MoneyView, Name, View
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes

router = routes("products", "What is sold, with its list price.")


class PutProduct(Body):
    """A product as it should be from now on."""

    name: Name
    line: Name | None = None
    list_price: MoneyField | None = None

    def draft(self, code: str) -> ProductDraft:
        """Return the product of a code as the domain knows it."""
        price = None if self.list_price is None else self.list_price.money()
        return ProductDraft(code, self.name, self.line, price)


class ProductView(View):
    """A product."""

    id: UUID
    version: int
    code: str
    name: str
    line: str | None
    list_price: MoneyView | None

    @classmethod
    def of(cls, product: Product) -> "ProductView":
        """Return the view of a product."""
        price = product.list_price
        return cls(
            id=product.id,
            version=product.version,
            code=product.code,
            name=product.name,
            line=product.line,
            list_price=None if price is None else MoneyView.of(price),
        )


@router.put(
    "/products/{code:path}", openapi_extra=needs("products:write"), response_model=ProductView
)
async def put_product(code: Annotated[Code, Path()], body: PutProduct, call: CallOf) -> Response:
    """Make the product of this code or bring it up to date. Repeating it changes nothing."""
    return await call.run(ProductView.of, commands.put_product, draft=body.draft(code))


@router.get(
    "/products/export",
    openapi_extra=needs("products:read"),
    response_class=Response,
    responses=FILES,
)
async def export_products(call: CallOf, query: ExportOf) -> Response:
    """Download all products that the list would show, as CSV, XLSX or NDJSON."""
    return await exported(call, "products", queries.PRODUCTS, ProductView.of, query)


@router.get("/products", openapi_extra=needs("products:read"), response_model=Page[ProductView])
async def list_products(request: Request, call: CallOf, query: ListOf) -> Response:
    """List products."""
    return await listed(request, call, queries.PRODUCTS, ProductView.of, query)


@router.get(
    "/products/by-id/{product_id}",
    openapi_extra=needs("products:read"),
    response_model=ProductView,
)
async def read_product_by_id(product_id: UUID, call: CallOf) -> Response:
    """Return a product by its id, as lines of deals name it."""
    return await call.one(ProductView.of, queries.by_id, product_id)


@router.get(
    "/products/{code:path}", openapi_extra=needs("products:read"), response_model=ProductView
)
async def read_product(code: Annotated[Code, Path()], call: CallOf) -> Response:
    """Return a product."""
    return await call.one(ProductView.of, queries.one, code)
