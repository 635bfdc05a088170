"""The audit trail over HTTP: who changed what and why, and the blocks that prove it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Query, Request
from fastapi.responses import Response

from shared.audit import queries
from shared.audit.model import Block
from shared.audit.queries import Row
from shared.fields import Code, Instant, Name, View
from shared.http.call import CallOf
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes

router = routes("audit", "Who changed what, when and why, numbered and chained.")


class ChangeView(View):
    """A change that somebody asked for, as it was sealed.

    `before` is null for what was made. Members appear by their ids only. `digest` is the SHA-256 of
    the row's canonical form; the block that `number` lies in holds it.
    """

    number: int
    at: datetime
    actor: str
    client: str
    roles: list[str]
    noun: str
    action: str
    subject: str
    version: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    method: str
    route: str
    trace_id: str | None
    correlation_id: UUID
    origin: str
    digest: str

    @classmethod
    def of(cls, row: Row) -> "ChangeView":
        """Return the view of a row."""
        return cls(
            number=row.number,
            at=row.at,
            actor=row.actor,
            client=row.client,
            roles=list(row.roles),
            noun=row.noun,
            action=row.action,
            subject=row.subject,
            version=row.version,
            before=None if row.before is None else orjson.loads(row.before),
            after=None if row.after is None else orjson.loads(row.after),
            reason=row.reason,
            method=row.method,
            route=row.route,
            trace_id=row.trace_id,
            correlation_id=row.correlation_id,
            origin=row.origin,
            digest=row.digest.hex(),
        )


class BlockView(View):
    """Changes `first` to `last`, sealed; `hash` covers them and, by `previous`, all before."""

    number: int
    first: int
    last: int
    sealed_at: datetime
    previous: str
    hash: str

    @classmethod
    def of(cls, block: Block) -> "BlockView":
        """Return the view of a block."""
        return cls(
            number=block.number,
            first=block.first,
            last=block.last,
            sealed_at=block.sealed_at,
            previous=block.previous.hex(),
            hash=block.hash.hex(),
        )


@router.get("/audit", openapi_extra=needs("audit:read"), response_model=Page[ChangeView])
async def list_changes(
    request: Request,
    call: CallOf,
    query: ListOf,
    subject: Annotated[Code | None, Query(description="Id of what was changed.")] = None,
    actor: Annotated[Name | None, Query(description="Who asked for it.")] = None,
    noun: Annotated[Code | None, Query(description="Such as `deal`.")] = None,
    since: Annotated[Instant | None, Query(description="From this moment on.")] = None,
    until: Annotated[Instant | None, Query(description="Before this moment.")] = None,
) -> Response:
    """List changes in the order of their numbers, which are dense; new ones come within seconds."""
    return await listed(
        request,
        call,
        queries.CHANGES,
        ChangeView.of,
        query,
        within=queries.between(since, until),
        subject=subject,
        actor=actor,
        noun=noun,
    )


@router.get("/audit/blocks", openapi_extra=needs("audit:read"), response_model=Page[BlockView])
async def list_blocks(request: Request, call: CallOf, query: ListOf) -> Response:
    """List the blocks of the trail, each chained to the one before by its hash."""
    return await listed(request, call, queries.BLOCKS, BlockView.of, query)
