"""Routes of accounts."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Request
from fastapi.responses import Response
from pydantic import Field

from services.pipeline.accounts import commands, queries
from services.pipeline.accounts.model import Account, Draft, Kept
from shared.fields import Body, Code, Id, Name, View
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.external import ExternalView
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.ids import External

router = routes("accounts", "The enterprises that are sold to.")


class PutAccount(Body):
    """An account as it should be from now on."""

    name: Name
    owner_id: Id | None = Field(
        None,
        description="The member whose account it is. Left out: as it was, at first the member who"
        " asks; null: nobody's.",
    )

    def draft(self) -> Draft:
        """Return the account as the domain knows it."""
        said = "owner_id" in self.model_fields_set
        return Draft(self.name, self.owner_id if said else Kept.AS_IS)


class AccountView(View):
    """An account."""

    id: UUID
    version: int
    name: str
    owner_id: UUID | None
    external: ExternalView | None

    @classmethod
    def of(cls, account: Account) -> "AccountView":
        """Return the view of an account."""
        return cls(
            id=account.id,
            version=account.version,
            name=account.name,
            owner_id=account.owner_id,
            external=ExternalView.of(account.external),
        )


@router.post(
    "/accounts",
    status_code=201,
    openapi_extra=needs("accounts:write"),
    response_model=AccountView,
)
async def open_account(body: PutAccount, call: CallOf) -> Response:
    """Open an account that no other system knows."""
    return await call.create(AccountView.of, commands.open_account, draft=body.draft())


@router.put(
    "/accounts/by-external/{source}/{external_id:path}",
    openapi_extra=needs("accounts:write"),
    response_model=AccountView,
)
async def put_account(
    source: Annotated[Code, Path()],
    external_id: Annotated[Code, Path()],
    body: PutAccount,
    call: CallOf,
) -> Response:
    """Open the account of this external id or bring it up to date."""
    return await call.run(
        AccountView.of,
        commands.put_account,
        external=External(source, external_id),
        draft=body.draft(),
    )


@router.get(
    "/accounts/by-external/{source}/{external_id:path}",
    openapi_extra=needs("accounts:read"),
    response_model=AccountView,
)
async def read_account_by_external(
    source: Annotated[Code, Path()], external_id: Annotated[Code, Path()], call: CallOf
) -> Response:
    """Return the account of an external id."""
    external = External(source, external_id)
    return await call.one(AccountView.of, queries.by_external, external, call.scope(queries.OWNED))


@router.get(
    "/accounts/export",
    openapi_extra=needs("accounts:read"),
    response_class=Response,
    responses=FILES,
)
async def export_accounts(call: CallOf, query: ExportOf) -> Response:
    """Download all accounts that the list would show, as CSV, XLSX or NDJSON."""
    return await exported(
        call,
        "accounts",
        queries.ACCOUNTS,
        AccountView.of,
        query,
        within=call.scope(queries.OWNED),
    )


@router.get(
    "/accounts/{account_id}", openapi_extra=needs("accounts:read"), response_model=AccountView
)
async def read_account(account_id: UUID, call: CallOf) -> Response:
    """Return an account."""
    return await call.one(AccountView.of, queries.one, account_id, call.scope(queries.OWNED))


@router.get("/accounts", openapi_extra=needs("accounts:read"), response_model=Page[AccountView])
async def list_accounts(request: Request, call: CallOf, query: ListOf) -> Response:
    """List accounts."""
    return await listed(
        request, call, queries.ACCOUNTS, AccountView.of, query, within=call.scope(queries.OWNED)
    )
