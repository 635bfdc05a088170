"""The trail as it is: read by plain SQL as of one moment, a page at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, LiteralString, TypeAlias

import asyncpg

from deploy.audit.arithmetic import Row
from deploy.audit.chain import Trail
from deploy.verify.reading import CONNECT_SECONDS, STATEMENT_SECONDS

PAGE: Final = 1_000

_BLOCKS: Final[LiteralString] = """
    SELECT number, first, last, sealed_at, previous, hash FROM audit_block ORDER BY number
"""
_ROWS: Final[LiteralString] = """
    SELECT number, digest, form, at, actor, client, roles, method, route, reason, noun, action,
           subject, version, before, after, correlation_id, trace_id, origin
      FROM audit_row ORDER BY number
"""
_PENDING: Final[LiteralString] = """
    SELECT id, digest, content,
           extract(epoch FROM clock_timestamp() - noted_at)::float8 AS seconds
      FROM audit_pending ORDER BY id
"""
_HEAD: Final[LiteralString] = """
    SELECT block, number, hash FROM audit_head WHERE id = 1
"""
_LAST: Final[LiteralString] = """
    SELECT number, last, hash, sealed_at FROM audit_block ORDER BY number DESC LIMIT 1
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@asynccontextmanager
async def trail_of(service: str, dsn: str) -> AsyncIterator[Trail]:
    """Lend the trail of a service as of one moment; the connection can write nothing."""
    async with _reading(service, dsn) as connection:
        yield Trail(
            _streamed(connection, _BLOCKS),
            _streamed(connection, _ROWS),
            _streamed(connection, _PENDING),
            _as_mapping(await connection.fetchrow(_HEAD)),
        )


async def last_block(service: str, dsn: str) -> Row | None:
    """Return the last block of a service, None where nothing is sealed."""
    async with _reading(service, dsn) as connection:
        return _as_mapping(await connection.fetchrow(_LAST))


async def _streamed(connection: Connection, statement: LiteralString) -> AsyncIterator[Row]:
    async for row in connection.cursor(statement, prefetch=PAGE):
        yield dict(row)


def _as_mapping(row: asyncpg.Record | None) -> Row | None:
    return None if row is None else dict(row)


@asynccontextmanager
async def _reading(service: str, dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        statement_cache_size=0,
        server_settings={
            "application_name": "pharos-audit-verify",
            "search_path": service,
            "timezone": "UTC",
            "default_transaction_read_only": "on",
            "statement_timeout": str(STATEMENT_SECONDS * 1000),
        },
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.close()
