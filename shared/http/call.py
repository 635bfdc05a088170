"""The call: one HTTP request as a command or a query sees it, and the way to its answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Concatenate, Final, ParamSpec, Protocol, TypeVar

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from shared import clock
from shared.auth import scope
from shared.auth.principal import Principal
from shared.auth.scope import Owned, Sight
from shared.context import Asked, Context, Origin
from shared.db import Connection, Database
from shared.failpoints import reach
from shared.fields import View
from shared.http import idempotency, versions
from shared.http.idempotency import Replayed, Reply
from shared.http.reason import ChangeReason, read_reason
from shared.ids import new_id
from shared.runtime import Runtime
from shared.sql import Condition

P = ParamSpec("P")
T = TypeVar("T")

_TAGS: Final = Header(
    max_length=1_000,
    pattern=r"^[ -~]+$",
    description="Versions: ETags of what was read before.",
)
IfNoneMatch = Annotated[str | None, _TAGS]
# More is taken than is said: other spacing, and weak tags of any form, which match nothing.
IfMatch = Annotated[str | None, _TAGS, Field(json_schema_extra={"pattern": versions.TAGS_SHOWN})]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Send the same key again to get the first answer instead of a second effect.",
    ),
]


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, in which context, and on which database.

    ``run`` is the one way from a router to a command: it opens the transaction, runs the command,
    stores the answer under the request's Idempotency-Key, commits, and only then answers.
    """

    principal: Principal
    ctx: Context
    runtime: Runtime
    key: idempotency.Key | None
    known: str | None

    @property
    def database(self) -> Database:
        """Return the service's database."""
        return self.runtime.database

    def scope(self, owned: Owned, permission: str | None = None) -> Condition:
        """Return the condition of the rows that the caller may see.

        That is by what the route asks for unless another permission is named.
        """
        return owned.seen(self.sight(permission))

    def sight(self, permission: str | None = None) -> Sight:
        """Return how far the caller reaches today with what the route asks for, or another."""
        return scope.sight(self.ctx, permission)

    def imported(self, origin: Origin) -> "Call":
        """Return the call as one that brings history in."""
        return replace(self, ctx=replace(self.ctx, origin=origin))

    async def run(
        self,
        shape: Callable[[T], BaseModel],
        command: Callable[Concatenate[Connection, Context, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Run a command in one transaction and answer 200 with its shaped result."""
        return await self._commit(200, shape, lambda conn: command(conn, self.ctx, *args, **kwargs))

    async def create(
        self,
        shape: Callable[[T], BaseModel],
        command: Callable[Concatenate[Connection, Context, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Run a command in one transaction and answer 201 with its shaped result."""
        return await self._commit(201, shape, lambda conn: command(conn, self.ctx, *args, **kwargs))

    async def remove(
        self,
        command: Callable[Concatenate[Connection, Context, P], Awaitable[object]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Run a command that takes something away in one transaction and answer 204."""
        return await self._commit(
            204, lambda _: None, lambda conn: command(conn, self.ctx, *args, **kwargs)
        )

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a query on a connection of its own."""
        return await self.database.read(lambda conn: query(conn, *args, **kwargs))

    async def one(
        self,
        shape: Callable[[T], "Versioned"],
        query: Callable[Concatenate[Connection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Answer with one resource and its ETag; 304 to a caller that has this version."""
        view = shape(await self.read(query, *args, **kwargs))
        headers = versions.etag_of(view.version)
        if versions.is_known(self.known, headers):
            return Response(status_code=304, headers=headers)
        return _whole(view)

    async def derived(
        self,
        shape: Callable[[T], BaseModel],
        query: Callable[Concatenate[Connection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Answer with what has no version of its own; 304 to a caller that has the same answer."""
        body = shape(await self.read(query, *args, **kwargs)).model_dump_json(by_alias=True)
        headers = versions.digest_of(body.encode())
        if versions.is_known(self.known, headers):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    async def present(
        self,
        shape: Callable[[T], "Versioned"],
        query: Callable[Concatenate[Connection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Answer with one resource and its ETag, never 304: parts of it move without a version."""
        return _whole(shape(await self.read(query, *args, **kwargs)))

    async def _commit(
        self,
        status: int,
        shape: Callable[[T], BaseModel | None],
        command: Callable[[Connection], Awaitable[T]],
    ) -> Response:
        async def work(conn: Connection) -> Reply:
            if self.key is not None:
                await idempotency.claim(conn, self.key, self.ctx.now)
                await reach("request.claimed")
            result = shape(await command(conn))
            await reach("request.done")
            reply = _reply(status, result)
            if self.key is not None:
                kept = result.repeated() if isinstance(result, View) else result
                await idempotency.keep(conn, self.key, _reply(status, kept))
            await reach("request.committing")
            return reply

        try:
            reply = await self.database.transact(work)
        except Replayed as replayed:
            return replayed.reply.response(replayed=True)
        await reach("request.committed")
        return reply.response()


def _reply(status: int, result: BaseModel | None) -> Reply:
    return Reply(status, b"" if result is None else result.model_dump_json().encode())


def _whole(view: "Versioned") -> Response:
    headers = versions.etag_of(view.version)
    return Response(view.model_dump_json(), headers=headers, media_type="application/json")


class Versioned(Protocol):
    """A view of something that has versions."""

    @property
    def version(self) -> int:
        """Return the version."""

    def model_dump_json(self) -> str:
        """Return the view as it is sent."""


def call_without_body(request: Request, reason: ChangeReason = None) -> Call:
    """Return the call of a request whose body is not read for its key: it may be a large file."""
    runtime: Runtime = request.app.state.runtime
    principal: Principal = request.state.principal
    trace = request.state.trace
    ctx = Context(
        actor=principal.subject,
        now=clock.now(),
        correlation_id=new_id(),
        installation=runtime.installation,
        traceparent=trace,
        asked=Asked(
            client=principal.client,
            roles=principal.roles,
            method=request.method,
            route=request.scope["route"].path,
            reason=read_reason(reason),
            permission=request.state.permission,
            member_id=principal.member_id,
        ),
    )
    return Call(principal, ctx, runtime, None, None)


async def _call(
    request: Request,
    key: IdempotencyKey = None,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    reason: ChangeReason = None,
) -> Call:
    call = call_without_body(request, reason)
    ctx = replace(call.ctx, expected=versions.expected(if_match, if_none_match))
    claim = None
    if key is not None:
        body = await request.body()
        caller = call.principal.caller
        claim = idempotency.key_of(caller, key, request.method, request.url.path, body)
    return replace(call, ctx=ctx, key=claim, known=if_none_match)


CallOf = Annotated[Call, Depends(_call)]
"""The parameter of every endpoint that runs a command or a query."""
